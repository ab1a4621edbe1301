/*
 * The first byte chooses one of the schemas below for the value that follows, or takes the rest
 * as a schema itself. Problems say something, in valid UTF-8.
 */
#include "base/base.h"

#include "base/utf8.h"
#include "wire/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const schemas[] = {
    "{\"required\":[\"a\",\"b\"],\"properties\":{\"a\":{\"minLength\":1,\"maxLength\":3}},"
    "\"additionalProperties\":false,\"propertyNames\":{\"pattern\":\"^[a-z]+$\"}}",
    "{\"uniqueItems\":true,\"contains\":{\"type\":\"integer\"},\"prefixItems\":[{\"const\":1}],"
    "\"items\":{\"enum\":[1,0.1,\"a\",{\"x\":[null]}]}}",
    "{\"minimum\":-5.5,\"exclusiveMaximum\":1000,\"multipleOf\":0.01,\"type\":[\"number\",\"null\"]"
    "}",
    "{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[{\"format\":\"date-time\"},"
    "{\"format\":\"email\"},{\"format\":\"uri\"},{\"format\":\"uuid\"},{\"format\":\"ipv6\"}]}}",
    "{\"anyOf\":[{\"items\":{\"$ref\":\"#\"}},{\"additionalProperties\":{\"$ref\":\"#\"}}],"
    "\"not\":{\"const\":[]},\"if\":{\"maxItems\":1},\"then\":{\"items\":{\"$ref\":\"#\"}}}",
    "{\"dependentRequired\":{\"a\":[\"b\"]},\"patternProperties\":{\"^x\":false,\"(a+)+$\":{}},"
    "\"minProperties\":1,\"maxProperties\":3}",
};

static struct schema *compile(struct str text, struct arena *mem)
{
    struct tree *tree;
    struct schema *schema = NULL;
    struct str error = STR_NULL;
    if (tree_parse(&tree, text, mem, &error) == OK) {
        if (schema_compile(&schema, tree, mem, &error) != OK)
            schema = NULL;
        tree_free(tree);
    }
    assert(schema || (error.n > 0 && utf8_is_valid(error)));
    return schema;
}

static void validate(const struct schema *schema, struct str text, struct arena *mem)
{
    struct json doc;
    if (json_parse(&doc, text, JSON_STRICT, mem) != OK)
        return;
    struct problems problems = {.mem = mem};
    bool fits = schema_validate(schema, json_root(&doc), &problems);
    assert(fits == (problems.count == 0));
    for (size_t i = 0; i < problems.count; i++) {
        assert(problems.list[i].path.n > 0 && utf8_is_valid(problems.list[i].path));
        assert(problems.list[i].message.n > 0 && utf8_is_valid(problems.list[i].message));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena mem = ARENA_INIT;
    size_t choice = size ? data[0] % (ARRAY_LEN(schemas) + 1) : 0;
    struct str rest = str_make((const char *)data + (size > 0), size - (size > 0));
    bool is_schema = choice == ARRAY_LEN(schemas);
    struct schema *schema = compile(is_schema ? rest : str_from_c(schemas[choice]), &mem);
    if (schema) {
        /* A schema is an object too: as a value it visits what it says of objects. */
        validate(schema, rest, &mem);
        schema_free(schema);
    }
    arena_release(&mem);
    return 0;
}
