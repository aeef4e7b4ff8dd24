/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - the page itself, compiled in: client/dashboard/page/.
 *
 * Threads: constant.
 */
#ifndef ZL_CLIENT_DASHBOARD_PAGE_H
#define ZL_CLIENT_DASHBOARD_PAGE_H

#include <stddef.h>

struct zl_page_file {
    const char *path; /* below the session's; "" is the page */
    const char *content_type;
    const char *text;
    const char *end; /* behind its last byte */
};

/* Ends with path NULL. */
extern const struct zl_page_file ZL_PAGE_FILES[];
/* NULL: none of that path. */
const struct zl_page_file *zl_page_find(const char *path);

#endif
