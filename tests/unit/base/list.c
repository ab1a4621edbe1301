/* Embedded lists. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
    int value;
    struct list node;
};

/* The values in order, as decimal digits of one number. */
static int digits(const struct list *head)
{
    int n = 0;
    for (const struct list *l = head->next; l != head; l = l->next)
        n = n * 10 + list_entry(l, struct item, node)->value;
    return n;
}

static void adds_at_both_ends(void **state)
{
    (void)state;
    struct list head;
    struct item a = {.value = 1}, b = {.value = 2}, c = {.value = 3};
    list_init(&head);
    assert_true(list_is_empty(&head));
    list_add_tail(&head, &b.node);
    list_add_tail(&head, &c.node);
    list_add_head(&head, &a.node);
    assert_false(list_is_empty(&head));
    assert_int_equal(123, digits(&head));
    assert_ptr_equal(&c.node, head.prev);
}

static void inserts_before_a_node(void **state)
{
    (void)state;
    struct list head;
    struct item a = {.value = 1}, b = {.value = 2}, c = {.value = 3};
    list_init(&head);
    list_add_tail(&head, &a.node);
    list_add_tail(&head, &c.node);
    list_add_tail(&c.node, &b.node);
    assert_int_equal(123, digits(&head));
}

static void removes_more_than_once_without_harm(void **state)
{
    (void)state;
    struct list head;
    struct item a = {.value = 1}, b = {.value = 2};
    list_init(&head);
    list_add_tail(&head, &a.node);
    list_add_tail(&head, &b.node);
    list_del(&a.node);
    list_del(&a.node);
    assert_int_equal(2, digits(&head));
    list_del(&b.node);
    assert_true(list_is_empty(&head));
}

static void moves_a_whole_list(void **state)
{
    (void)state;
    struct list to, from;
    struct item items[4] = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};
    list_init(&to);
    list_init(&from);
    list_splice(&to, &from);
    assert_true(list_is_empty(&to));
    for (size_t i = 0; i < 4; i++)
        list_add_tail(i < 2 ? &to : &from, &items[i].node);
    list_splice(&to, &from);
    assert_int_equal(1234, digits(&to));
    assert_true(list_is_empty(&from));
    list_splice(&from, &to);
    assert_int_equal(1234, digits(&from));
}

static void lets_the_current_node_go_while_walking(void **state)
{
    (void)state;
    struct list head;
    struct item items[4] = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};
    int seen = 0;
    list_init(&head);
    for (size_t i = 0; i < 4; i++)
        list_add_tail(&head, &items[i].node);
    list_for_each_safe (node, &head) {
        seen = seen * 10 + list_entry(node, struct item, node)->value;
        if (seen % 2 == 0)
            list_del(node);
    }
    assert_int_equal(1234, seen);
    assert_int_equal(13, digits(&head));
    list_for_each (node, &head)
        seen += list_entry(node, struct item, node)->value;
    assert_int_equal(1238, seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_at_both_ends),
        cmocka_unit_test(inserts_before_a_node),
        cmocka_unit_test(removes_more_than_once_without_harm),
        cmocka_unit_test(moves_a_whole_list),
        cmocka_unit_test(lets_the_current_node_go_while_walking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
