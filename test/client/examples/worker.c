/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c - does its work only while its pod leads the pool that it is given: cc worker.c $(pkg-config --cflags --libs libzenlead)
 *
 * It prints "leader" or "follower" once and ends; a real one would go on in a loop.
 */
#include <stdio.h>
#include <zenlead.h>

int main(int argc, char **argv)
{
    struct zenlead_options options = ZENLEAD_OPTIONS_INIT;
    struct zenlead_error error = ZENLEAD_ERROR_INIT;
    zenlead *handle = NULL;
    if (argc != 2 || zenlead_open(&options, &handle, &error) != ZENLEAD_OK) {
        (void)fprintf(stderr, "usage: worker POOL %s\n", error.message);
        return 2;
    }
    (void)puts(zenlead_is_leader(handle, argv[1]) ? "leader" : "follower");
    zenlead_close(handle);
    return 0;
}
