// SPDX-License-Identifier: Apache-2.0
//
// locked.cc - takes a lock for as long as a scope lasts: c++ -std=c++17 locked.cc $(pkg-config --cflags --libs libzenlead)
#include <cstdio>
#include <memory>
#include <zenlead.h>

int main()
{
    zenlead *opened = nullptr;
    if (zenlead_open(nullptr, &opened, nullptr) != ZENLEAD_OK) {
        return 2;
    }
    const std::unique_ptr<zenlead, decltype(&zenlead_close)> handle(opened, zenlead_close);
    zenlead_answer lock = ZENLEAD_ANSWER_INIT;
    zenlead_error error = ZENLEAD_ERROR_INIT;
    if (zenlead_lock(handle.get(), "migrations", 5000, &lock, &error) != ZENLEAD_OK) {
        std::printf("not locked: %s\n", error.message);
        return 1;
    }
    std::printf("locked with token %lld\n", static_cast<long long>(lock.token));
    return zenlead_unlock(handle.get(), "migrations", lock.token, &error) == ZENLEAD_OK ? 0 : 1;
}
