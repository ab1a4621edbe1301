/* Prometheus' text format. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "wire/prometheus.h"

static void each_value_has_its_help_and_type(void **state)
{
    const struct prometheus_row rows[] = {
        {"a_total", "counter", "What a is.", 7},
        {"b", "gauge", "What b is.", UINT64_MAX},
    };
    struct buf out = BUF_INIT;
    (void)state;
    prometheus_append_rows(&out, rows, ARRAY_LEN(rows));
    prometheus_append_head(&out, "c", "gauge", "What c is.");
    prometheus_append_labelled(&out, "c", "of", "d", 0);
    assert_string_equal(out.p, "# HELP a_total What a is.\n# TYPE a_total counter\na_total 7\n"
                               "# HELP b What b is.\n# TYPE b gauge\nb 18446744073709551615\n"
                               "# HELP c What c is.\n# TYPE c gauge\nc{of=\"d\"} 0\n");
    buf_release(&out);
}

static void a_time_is_in_each_bucket_from_its_own_on(void **state)
{
    struct prometheus_times times = {0};
    struct buf out = BUF_INIT;
    (void)state;
    prometheus_count(&times, 0);
    prometheus_count(&times, 100);
    prometheus_count(&times, 101);
    prometheus_count(&times, 2000000);
    prometheus_count(&times, INT64_C(3600000000));
    prometheus_append_times(&out, "t", "How long.", &times);
    assert_string_equal(out.p, "# HELP t How long.\n# TYPE t histogram\n"
                               "t_bucket{le=\"0.0001\"} 2\nt_bucket{le=\"0.001\"} 3\n"
                               "t_bucket{le=\"0.005\"} 3\nt_bucket{le=\"0.025\"} 3\n"
                               "t_bucket{le=\"0.1\"} 3\nt_bucket{le=\"1.0\"} 3\n"
                               "t_bucket{le=\"10.0\"} 4\nt_bucket{le=\"+Inf\"} 5\n"
                               "t_sum 3602.000201\nt_count 5\n");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_value_has_its_help_and_type),
        cmocka_unit_test(a_time_is_in_each_bucket_from_its_own_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
