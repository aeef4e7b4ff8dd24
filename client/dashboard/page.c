/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/page.h"

#include <string.h>

/* The file as it is, between two symbols of its own. Paths are those of the tree: the Makefile compiles at its top. */
#define INCLUDE_FILE(symbol, file)                                                                 \
    __asm__(".pushsection .rodata\n"                                                               \
            ".global zl_page_" #symbol "\n.global zl_page_" #symbol "_end\n"                       \
            ".hidden zl_page_" #symbol "\n.hidden zl_page_" #symbol "_end\n"                       \
            "zl_page_" #symbol ":\n.incbin \"client/dashboard/page/" file "\"\n"                   \
            "zl_page_" #symbol "_end:\n.byte 0\n"                                                  \
            ".popsection\n");                                                                      \
    extern const char zl_page_##symbol[], zl_page_##symbol##_end[]

INCLUDE_FILE(html, "page.html");
INCLUDE_FILE(css, "page.css");
INCLUDE_FILE(js, "page.js");
INCLUDE_FILE(render, "render.js");
INCLUDE_FILE(fleet, "fleet.js");

const struct zl_page_file ZL_PAGE_FILES[] = {
    {"", "text/html; charset=utf-8", zl_page_html, zl_page_html_end},
    {"page.css", "text/css; charset=utf-8", zl_page_css, zl_page_css_end},
    {"page.js", "text/javascript; charset=utf-8", zl_page_js, zl_page_js_end},
    {"render.js", "text/javascript; charset=utf-8", zl_page_render, zl_page_render_end},
    {"fleet.js", "text/javascript; charset=utf-8", zl_page_fleet, zl_page_fleet_end},
    {NULL, NULL, NULL, NULL}};

const struct zl_page_file *zl_page_find(const char *path)
{
    for (const struct zl_page_file *file = ZL_PAGE_FILES; file->path != NULL; file++) {
        if (strcmp(file->path, path) == 0) {
            return file;
        }
    }
    return NULL;
}
