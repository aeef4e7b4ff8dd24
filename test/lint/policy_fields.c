/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_fields - prints what the table of a LeaderPolicy's fields says, for policy_fields.sh: one fact a line, "field
 * TAB fact TAB value". The facts are called as in the CRD; "values" is for people.
 */
#include "common/objects/policy_fields.h"

#include <stdio.h>

static void print_seconds(const struct zl_policy_field *field)
{
    printf("%s\ttype\tinteger\n", field->name);
    printf("%s\tdefault\t%lld\n", field->name, (long long)field->fallback);
    printf("%s\tminimum\t%lld\n", field->name, (long long)field->min);
    printf("%s\tmaximum\t%lld\n", field->name, (long long)field->max);
    printf("%s\tvalues\t%lld to %lld\n", field->name, (long long)field->min, (long long)field->max);
    if (field->less_than != NULL) {
        printf("%s\tless than\t%s\n", field->name, field->less_than);
    }
}

static void print_choice(const struct zl_policy_field *field)
{
    printf("%s\ttype\tstring\n", field->name);
    printf("%s\tdefault\t%s\n", field->name, field->choices[0]);
    printf("%s\tenum\t%s, %s\n", field->name, field->choices[0], field->choices[1]);
    printf("%s\tvalues\t%s, %s\n", field->name, field->choices[0], field->choices[1]);
}

static void print_switch(const struct zl_policy_field *field)
{
    printf("%s\ttype\tboolean\n", field->name);
    printf("%s\tdefault\tfalse\n", field->name);
    printf("%s\tvalues\ttrue, false\n", field->name);
}

int main(void)
{
    for (const struct zl_policy_field *field = ZL_POLICY_FIELDS; field->name != NULL; field++) {
        switch (field->type) {
        case ZL_POLICY_SECONDS:
            print_seconds(field);
            break;
        case ZL_POLICY_CHOICE:
            print_choice(field);
            break;
        case ZL_POLICY_SWITCH:
            print_switch(field);
            break;
        }
        printf("%s\tdescription\t%s\n", field->name, field->help);
    }
    return 0;
}
