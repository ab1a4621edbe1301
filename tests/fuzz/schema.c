/*
 * The first byte chooses one of the schemas below for the value that follows, or takes the rest
 * as a schema itself. What is said about either is valid UTF-8.
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

static void validate(const struct schema *schema, struct str text, struct arena *mem)
{
    struct json doc;
    struct problems problems = {.mem = mem};
    if (json_parse(&doc, text, JSON_STRICT, mem) != OK)
        return;
    bool fits = schema_validate(schema, json_root(&doc), &problems);
    assert(fits == (problems.count == 0));
    for (size_t i = 0; i < problems.count; i++)
        assert(utf8_is_valid(problems.list[i].path) && utf8_is_valid(problems.list[i].message));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena mem = ARENA_INIT;
    struct tree *tree = NULL;
    struct schema *schema;
    struct str error = STR_NULL;
    size_t choice = size ? data[0] % (ARRAY_LEN(schemas) + 1) : 0;
    struct str rest = str_make((const char *)data + (size > 0), size - (size > 0));
    struct str text = choice < ARRAY_LEN(schemas) ? str_from_c(schemas[choice]) : rest;
    if (tree_parse(&tree, text, &mem, &error) == OK &&
        schema_compile(&schema, tree, &mem, &error) == OK) {
        validate(schema, rest, &mem); /* a schema is a value, too */
        schema_free(schema);
    } else {
        assert(error.n > 0 && utf8_is_valid(error));
    }
    tree_free(tree);
    arena_release(&mem);
    return 0;
}
