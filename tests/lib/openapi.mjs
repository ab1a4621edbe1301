// An OpenAPI document as a judge of answers: is that what it says of this call?

import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const pointer = (...names) => names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

// Members that a schema does not name are held against it, but where it says that there may be more.
function close(schema) {
    if (typeof schema !== 'object' || schema === null) return;
    if (schema.properties && schema.additionalProperties === undefined && !schema.$id)
        schema.unevaluatedProperties = false;
    for (const child of Object.values(schema)) close(child);
}

export class Described {
    constructor(text) {
        this.document = JSON.parse(text);
        const closed = JSON.parse(text);
        close(closed.components.schemas);
        close(closed.paths);
        this.ajv = new Ajv2020({ strict: false, allErrors: false, inlineRefs: false });
        addFormats.default(this.ajv);
        this.ajv.addSchema(closed, 'docs:');
        this.validators = new Map();
        this.templates = Object.keys(this.document.paths).map((path) => ({
            path, literal: path.split('/').map((part) => (part.startsWith('{') ? 0 : 1)).join(''),
            fits: new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
        })).sort((a, b) => (a.literal < b.literal ? 1 : -1));
    }

    // Of all it describes: [{ path, method, operation }].
    get operations() {
        return Object.entries(this.document.paths).flatMap(([path, item]) =>
            METHODS.filter((method) => item[method]).map((method) =>
                ({ path, method: method.toUpperCase(), operation: item[method] })));
    }

    // The path of the document that an address has, or undefined.
    pathOf(address) {
        const path = address.split('?')[0];
        return this.templates.find(({ fits }) => fits.test(path))?.path;
    }

    validator(at) {
        if (!this.validators.has(at)) this.validators.set(at, this.ajv.compile({ $ref: `docs:#${encodeURI(at)}` }));
        return this.validators.get(at);
    }

    // What is wrong with an answer, in words; null when it is as described.
    wrong(path, method, answer) {
        const operation = this.document.paths[path][method.toLowerCase()];
        const status = String(answer.status);
        let response = operation.responses[status];
        let at = pointer('paths', path, method.toLowerCase(), 'responses', status);
        if (!response) return `status ${status} is not described: ${answer.text.slice(0, 100)}`;
        if (response.$ref) {
            at = response.$ref.slice(1);
            response = this.document.components.responses[at.split('/').pop()];
        }
        const type = answer.headers['content-type']?.split(';')[0];
        if (!response.content) return answer.text === '' ? null : `status ${status} has a body`;
        if (!response.content[type]) return `status ${status} has the type ${type}`;
        if (type !== 'application/json') return null;
        const validate = this.validator(at + pointer('content', type, 'schema'));
        if (validate(answer.json)) return null;
        const [first] = validate.errors;
        return `status ${status}: ${first.instancePath} ${first.message} ${JSON.stringify(first.params)}`;
    }
}
