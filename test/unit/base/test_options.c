/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/memory.h"
#include "common/base/options.h"
#include "test/unit/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define ARGUMENTS_MAX 6

struct config {
    char before;
    const char *kubeconfig;
    int64_t port;
    bool verbose;
    const char *policy;
    int64_t big;
    char after;
};

static const struct zl_option options[] = {
    {"kubeconfig", "ZL_T_KUBECONFIG", ZL_OPTION_TEXT, NULL, 0, 0, NULL,
     offsetof(struct config, kubeconfig), "FILE", "Where the API server is <and> who we are."},
    {"port", "ZL_T_PORT", ZL_OPTION_I64, "8443", 1, 65535, NULL, offsetof(struct config, port),
     NULL,
     "The port to listen on. A sentence that is long enough to need another line, so that the "
     "wrapping shows, and then some more."},
    {"verbose", "ZL_T_VERBOSE", ZL_OPTION_BOOL, NULL, 0, 0, NULL, offsetof(struct config, verbose),
     NULL, "Say more."},
    {"policy", "ZL_T_POLICY", ZL_OPTION_CHOICE, "deny", 0, 0, "deny|allow|warn",
     offsetof(struct config, policy), NULL, "What to do."},
    {"big", NULL, ZL_OPTION_I64, NULL, 0, INT64_MAX, NULL, offsetof(struct config, big), "SECONDS",
     "No variable, no upper bound."},
    {0},
};
static const struct zl_program program = {
    .name = "zl-test",
    .summary =
        "Does nothing, but says so in a paragraph that is longer than one line of a terminal "
        "has columns.\nSecond paragraph.",
    .options = options,
    .epilogue = "Exit codes:\n  0  done\n  2  usage",
};

struct outcome {
    enum zl_options_result result;
    struct config config;
    char *out, *err;
};

static void outcome_clear(struct outcome *outcome)
{
    free(outcome->out);
    free(outcome->err);
}

static struct outcome run(const struct zl_program *which, const char *const *arguments)
{
    char *argv[ARGUMENTS_MAX + 2] = {zl_strdup("/usr/bin/zl-test")};
    int argc = 1;
    for (; argc <= ARGUMENTS_MAX && arguments[argc - 1] != NULL; argc++) {
        argv[argc] = zl_strdup(arguments[argc - 1]);
    }
    struct outcome outcome = {.config = {.before = 'b', .after = 'a'}};
    struct zl_capture out, err;
    zl_capture_begin(&out, STDOUT_FILENO);
    zl_capture_begin(&err, STDERR_FILENO);
    outcome.result = zl_options_parse(which, argc, argv, &outcome.config);
    outcome.err = zl_capture_end(&err);
    outcome.out = zl_capture_end(&out);
    /* text fields borrow from argv: keep what the tests compare */
    outcome.config.kubeconfig = zl_same_string(outcome.config.kubeconfig, "/x") ? "/x"
                                : zl_same_string(outcome.config.kubeconfig, "") ? ""
                                                                                : NULL;
    outcome.config.policy = zl_same_string(outcome.config.policy, "allow")  ? "allow"
                            : zl_same_string(outcome.config.policy, "deny") ? "deny"
                                                                            : NULL;
    for (int i = 0; i < argc; i++) {
        free(argv[i]);
    }
    assert_int_equal(outcome.config.before, 'b');
    assert_int_equal(outcome.config.after, 'a');
    return outcome;
}

static int forget_environment(void **state)
{
    (void)state;
    for (const struct zl_option *option = options; option->name != NULL; option++) {
        if (option->variable != NULL) {
            (void)unsetenv(option->variable);
        }
    }
    return 0;
}

static void test_defaults_come_from_the_table(void **state)
{
    (void)state;
    ZL_CLEANUP(outcome_clear) struct outcome got = run(&program, (const char *[]){NULL});
    assert_int_equal(got.result, ZL_OPTIONS_RUN);
    assert_null(got.config.kubeconfig);
    assert_int_equal(got.config.port, 8443);
    assert_false(got.config.verbose);
    assert_string_equal(got.config.policy, "deny");
    assert_int_equal(got.config.big, 0);
    assert_string_equal(got.out, "");
    assert_string_equal(got.err, "");
}

static void test_arguments_are_accepted_in_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[ARGUMENTS_MAX];
        int64_t port;
        bool verbose;
        const char *policy, *kubeconfig;
    } rows[] = {
        {{"--port=1"}, 1, false, "deny", NULL},
        {{"--port", "65535"}, 65535, false, "deny", NULL},
        {{"--port=x", "--port=7"}, 7, false, "deny", NULL}, /* the last one counts */
        {{"--verbose"}, 8443, true, "deny", NULL},
        {{"--verbose", "--port", "5"}, 5, true, "deny", NULL},
        {{"--verbose=true"}, 8443, true, "deny", NULL},
        {{"--verbose", "--verbose=false"}, 8443, false, "deny", NULL},
        {{"--policy", "allow", "--kubeconfig=/x"}, 8443, false, "allow", "/x"},
        {{"--kubeconfig="}, 8443, false, "deny", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ZL_CLEANUP(outcome_clear) struct outcome got = run(&program, rows[i].arguments);
        assert_int_equal(got.result, ZL_OPTIONS_RUN);
        assert_int_equal(got.config.port, rows[i].port);
        assert_int_equal(got.config.verbose, rows[i].verbose);
        assert_true(zl_same_string(got.config.policy, rows[i].policy));
        assert_true(zl_same_string(got.config.kubeconfig, rows[i].kubeconfig));
    }
}

static void test_bad_arguments_are_named_in_one_line_with_the_cure(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[ARGUMENTS_MAX];
        const char *err;
    } rows[] = {
        {{"--port=0"}, "option --port: \"0\" is not a whole number from 1 to 65535"},
        {{"--port", "65536"}, "option --port: \"65536\" is not a whole number from 1 to 65535"},
        {{"--port="}, "option --port: \"\" is not a whole number from 1 to 65535"},
        {{"--big=-1"}, "option --big: \"-1\" is not a whole number of at least 0"},
        {{"--port"}, "option --port needs a value: --port=NUMBER"},
        {{"--kubeconfig", "--verbose"}, "option --kubeconfig needs a value: --kubeconfig=FILE"},
        {{"--policy=den"}, "option --policy: \"den\" is not deny, allow or warn"},
        {{"--policy=deny|allow"}, "option --policy: \"deny|allow\" is not deny, allow or warn"},
        {{"--policy="}, "option --policy: \"\" is not deny, allow or warn"},
        {{"--verbose=yes"}, "option --verbose: \"yes\" is not true or false"},
        {{"--verbose", "true"}, "unexpected argument \"true\""},
        {{"--prot=1"}, "unknown option \"--prot\""},
        {{"--por=1"}, "unknown option \"--por\""},
        {{"--ports"}, "unknown option \"--ports\""},
        {{"-p"}, "unexpected argument \"-p\""},
        {{"--"}, "unexpected argument \"--\""},
        {{"--=1"}, "unknown option \"--\""},
        {{"serve"}, "unexpected argument \"serve\""},
        {{""}, "unexpected argument \"\""},
        {{"a\n\x1b[2J"}, "unexpected argument \"a??[2J\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ZL_CLEANUP(outcome_clear) struct outcome got = run(&program, rows[i].arguments);
        ZL_AUTO_FREE char *expected =
            zl_asprintf("zl-test: %s; run 'zl-test --help'\n", rows[i].err);
        assert_string_equal(got.err, expected);
        assert_string_equal(got.out, "");
        assert_int_equal(got.result, ZL_OPTIONS_EXIT_USAGE);
    }
}

static void test_environment_stands_between_default_and_argument(void **state)
{
    (void)state;
    (void)setenv("ZL_T_PORT", "9000", 1);
    (void)setenv("ZL_T_VERBOSE", "true", 1);
    (void)setenv("ZL_T_KUBECONFIG", "/x", 1);
    (void)setenv("ZL_T_POLICY", "", 1); /* as good as unset */
    ZL_CLEANUP(outcome_clear) struct outcome got = run(&program, (const char *[]){NULL});
    assert_int_equal(got.result, ZL_OPTIONS_RUN);
    assert_int_equal(got.config.port, 9000);
    assert_true(got.config.verbose);
    assert_string_equal(got.config.kubeconfig, "/x");
    assert_string_equal(got.config.policy, "deny");
    ZL_CLEANUP(outcome_clear)
    struct outcome over = run(&program, (const char *[]){"--port=1", "--verbose=false", NULL});
    assert_int_equal(over.config.port, 1);
    assert_false(over.config.verbose);
}

static void test_bad_environment_is_refused_under_the_variables_name(void **state)
{
    (void)state;
    static const struct {
        const char *variable, *value, *err;
    } rows[] = {
        {"ZL_T_PORT", "abc", "\"abc\" is not a whole number from 1 to 65535"},
        {"ZL_T_VERBOSE", "1", "\"1\" is not true or false"},
        {"ZL_T_POLICY", "no", "\"no\" is not deny, allow or warn"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        (void)setenv(rows[i].variable, rows[i].value, 1);
        ZL_CLEANUP(outcome_clear) struct outcome got = run(&program, (const char *[]){NULL});
        (void)unsetenv(rows[i].variable);
        ZL_AUTO_FREE char *expected =
            zl_asprintf("zl-test: environment variable %s: %s; run 'zl-test --help'\n",
                        rows[i].variable, rows[i].err);
        assert_string_equal(got.err, expected);
        assert_int_equal(got.result, ZL_OPTIONS_EXIT_USAGE);
    }
}

static void test_help_names_everything_within_80_columns(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "Usage: zl-test [OPTION]...\n\nDoes nothing",
        "\nSecond paragraph.\n",
        "  --kubeconfig=FILE\n      Where the API server is <and> who we are.\n"
        "      Default: none. Environment: ZL_T_KUBECONFIG.\n",
        "  --port=NUMBER\n      The port to listen on. ",
        "      Default: 8443. A whole number from 1 to 65535. Environment: ZL_T_PORT.\n",
        "  --verbose[=true|false]\n      Say more.\n      Default: false. Environment: ",
        "  --policy=deny|allow|warn\n      What to do.\n"
        "      Default: deny. One of deny, allow or warn. Environment: ZL_T_POLICY.\n",
        "  --big=SECONDS\n",
        "Default: 0. A whole number of at least 0.\n",
        "  --help\n",
        "  --version\n",
        "\nExit codes:\n  0  done\n  2  usage\n",
    };
    (void)setenv("ZL_T_PORT", "abc", 1); /* help must work then, too */
    ZL_CLEANUP(outcome_clear)
    struct outcome got = run(&program, (const char *[]){"--port=x", "--help", NULL});
    assert_int_equal(got.result, ZL_OPTIONS_EXIT_OK);
    assert_string_equal(got.err, "");
    for (size_t i = 0; i < COUNT(parts); i++) {
        if (strstr(got.out, parts[i]) == NULL) {
            fail_msg("no \"%s\" in:\n%s", parts[i], got.out);
        }
    }
    assert_null(strstr(got.out, "markdown"));
    for (const char *at = got.out; *at != '\0'; at += strcspn(at, "\n") + 1) {
        assert_in_range(strcspn(at, "\n"), 0, 80);
        assert_true(*at == '\n' || at[strcspn(at, "\n") - 1] != ' ');
    }
}

static void test_version_is_name_version_and_commit(void **state)
{
    (void)state;
    ZL_CLEANUP(outcome_clear)
    struct outcome got = run(&program, (const char *[]){"--version", "--unknown", NULL});
    assert_int_equal(got.result, ZL_OPTIONS_EXIT_OK);
    assert_string_equal(got.out, "zl-test " ZL_VERSION " (commit unknown)\n");
}

static void test_markdown_is_a_table_with_a_row_per_option(void **state)
{
    (void)state;
    ZL_CLEANUP(outcome_clear)
    struct outcome got = run(&program, (const char *[]){"--help-markdown", NULL});
    assert_int_equal(got.result, ZL_OPTIONS_EXIT_OK);
    assert_non_null(strstr(got.out, "| Option | Environment | Meaning |\n|---|---|---|\n"));
    assert_non_null(strstr(got.out, "| `--kubeconfig=FILE` | `ZL_T_KUBECONFIG` | Where the API "
                                    "server is &lt;and> who we are. Default: none. |\n"));
    assert_non_null(strstr(got.out,
                           "| `--policy=deny\\|allow\\|warn` | `ZL_T_POLICY` | What to do. "
                           "Default: deny. One of deny, allow or warn. |\n"));
    assert_non_null(strstr(got.out, "| `--verbose[=true\\|false]` | "));
    assert_non_null(strstr(got.out, "| `--big=SECONDS` |  | "));
    size_t lines = 0;
    for (const char *at = got.out; *at != '\0'; at += strcspn(at, "\n") + 1) {
        lines++;
    }
    assert_int_equal(lines, 2 + COUNT(options) - 1 + 2);
}

static const struct zl_option_letter letters[] = {
    {'k', "kubeconfig"}, {'v', "verbose"}, {'x', "of-another-program"}, {0, NULL}};
static const struct zl_program verb = {
    .name = "zl-test",
    .summary = "x",
    .options = options,
    .letters = letters,
    .words = "NAME [OTHER]",
    .words_min = 1,
    .words_max = 2,
    .takes_command = true,
};

static void test_letters_words_and_a_command_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[ARGUMENTS_MAX];
        const char *kubeconfig, *word, *command;
        int count;
        bool verbose;
    } rows[] = {
        {{"a", "--", "run"}, NULL, "a", "run", 1, false},
        {{"-k", "/x", "a", "--", "run"}, "/x", "a", "run", 1, false},
        {{"-k/x", "a", "b", "--", "run"}, "/x", "a", "run", 2, false},
        {{"-k=/x", "-v", "a", "--", "-v"}, "/x", "a", "-v", 1, true},
        {{"a", "--verbose", "--", "--help"}, NULL, "a", "--help", 1, true},
        {{"-", "--", "--"}, NULL, "-", "--", 1, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *argv[ARGUMENTS_MAX + 2] = {zl_strdup("zl-test")};
        int argc = 1;
        for (; argc <= ARGUMENTS_MAX && rows[i].arguments[argc - 1] != NULL; argc++) {
            argv[argc] = zl_strdup(rows[i].arguments[argc - 1]);
        }
        struct config config = {0};
        struct zl_operands operands = {0};
        assert_int_equal(zl_options_parse_operands(&verb, argc, argv, &config, &operands),
                         ZL_OPTIONS_RUN);
        assert_true(zl_same_string(config.kubeconfig, rows[i].kubeconfig));
        assert_int_equal(config.verbose, rows[i].verbose);
        assert_int_equal(operands.count, rows[i].count);
        assert_string_equal(operands.words[0], rows[i].word);
        assert_string_equal(operands.command[0], rows[i].command);
        for (int k = 0; k < argc; k++) {
            free(argv[k]);
        }
    }
}

static void test_what_is_missing_or_too_much_beside_options_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[ARGUMENTS_MAX], *says;
    } rows[] = {
        {{NULL}, "something is missing: NAME [OTHER]"},
        {{"--", "run"}, "something is missing: NAME [OTHER]"},
        {{"a"}, "no command: put it at the end, after --"},
        {{"a", "--"}, "no command: put it at the end, after --"},
        {{"a", "b", "c", "--", "run"}, "unexpected argument \"c\""},
        {{"-x"}, "unknown option \"-x\""},
        {{"-vk"}, "unknown option \"-vk\""},
        {{"-k"}, "option -k needs a value: -k FILE"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *argv[ARGUMENTS_MAX + 2] = {zl_strdup("zl-test")};
        int argc = 1;
        for (; argc <= ARGUMENTS_MAX && rows[i].arguments[argc - 1] != NULL; argc++) {
            argv[argc] = zl_strdup(rows[i].arguments[argc - 1]);
        }
        struct config config = {0};
        struct zl_operands operands = {0};
        struct zl_capture err;
        zl_capture_begin(&err, STDERR_FILENO);
        const enum zl_options_result result =
            zl_options_parse_operands(&verb, argc, argv, &config, &operands);
        ZL_AUTO_FREE char *said = zl_capture_end(&err);
        assert_int_equal(result, ZL_OPTIONS_EXIT_USAGE);
        ZL_AUTO_FREE char *expected =
            zl_asprintf("zl-test: %s; run 'zl-test --help'\n", rows[i].says);
        assert_string_equal(said, expected);
        for (int k = 0; k < argc; k++) {
            free(argv[k]);
        }
    }
}

static void test_help_shows_letters_and_what_stands_beside_options(void **state)
{
    (void)state;
    ZL_CLEANUP(outcome_clear) struct outcome got = run(&verb, (const char *[]){"--help", NULL});
    assert_non_null(
        strstr(got.out, "Usage: zl-test [OPTION]... NAME [OTHER] -- COMMAND [ARGUMENT]...\n"));
    assert_non_null(strstr(got.out, "  -k FILE, --kubeconfig=FILE\n"));
    assert_non_null(strstr(got.out, "  -v, --verbose[=true|false]\n"));
}

static void test_a_bad_default_is_refused_rather_than_used(void **state)
{
    (void)state;
    static const struct zl_option broken[] = {{"port", NULL, ZL_OPTION_I64, "70000", 1, 65535, NULL,
                                               offsetof(struct config, port), NULL, "x"},
                                              {0}};
    const struct zl_program wrong = {.name = "zl-test", .summary = "x", .options = broken};
    ZL_CLEANUP(outcome_clear) struct outcome got = run(&wrong, (const char *[]){NULL});
    assert_int_equal(got.result, ZL_OPTIONS_EXIT_USAGE);
    assert_non_null(strstr(got.err, "default of --port: \"70000\" is not a whole number"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults_come_from_the_table, forget_environment),
        cmocka_unit_test_setup(test_arguments_are_accepted_in_every_form, forget_environment),
        cmocka_unit_test_setup(test_bad_arguments_are_named_in_one_line_with_the_cure,
                               forget_environment),
        cmocka_unit_test_setup(test_environment_stands_between_default_and_argument,
                               forget_environment),
        cmocka_unit_test_setup(test_bad_environment_is_refused_under_the_variables_name,
                               forget_environment),
        cmocka_unit_test_setup(test_help_names_everything_within_80_columns, forget_environment),
        cmocka_unit_test_setup(test_version_is_name_version_and_commit, forget_environment),
        cmocka_unit_test_setup(test_markdown_is_a_table_with_a_row_per_option, forget_environment),
        cmocka_unit_test_setup(test_letters_words_and_a_command_are_told_apart, forget_environment),
        cmocka_unit_test_setup(test_what_is_missing_or_too_much_beside_options_is_said,
                               forget_environment),
        cmocka_unit_test_setup(test_help_shows_letters_and_what_stands_beside_options,
                               forget_environment),
        cmocka_unit_test_setup(test_a_bad_default_is_refused_rather_than_used, forget_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
