/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/commit.h"

const char zl_commit[] = "unknown";
