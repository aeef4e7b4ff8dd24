/* SPDX-License-Identifier: Apache-2.0 */
/*
 * larger.h - the larger and the smaller of two numbers.
 *
 * Threads: pure.
 */
#ifndef ZL_LARGER_H
#define ZL_LARGER_H

#include <stdint.h>

static inline int64_t zl_larger(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

static inline int64_t zl_smaller(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

#endif
