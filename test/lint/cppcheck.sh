#!/usr/bin/env bash
# cppcheck.sh FILE... - cppcheck over the product. It reads no headers of the system, so it is told here what macros of uthash and
# <sys/queue.h> do; each exception has its reason.
set -euo pipefail

exceptions=(
    # NULL is ((void *)0) in every C library that POSIX describes: it ends our lists of names as it should.
    varFuncNullUB
    # A table's NAME is NULL only together with WHICH, and then it is not read.
    nullPointer:client/lib/elect.c
    # What stands between the two conditions writes VIEW through GATHERED.
    incorrectLogicOperator:controller/view/lookup.c
    # A pod is asked for its uid only where "is on" says that there is one.
    nullPointerRedundantCheck:controller/view/lookup.c
    missingIncludeSystem
)
# The same build folder for every run: only what changed is looked at.
mkdir -p build/cppcheck
cppcheck -j "$(nproc)" --cppcheck-build-dir=build/cppcheck --std=c11 --enable=warning,performance,portability --inconclusive --quiet --error-exitcode=1 \
    --template=gcc -I. -D_GNU_SOURCE -DZL_VERSION='"0"' "${exceptions[@]/#/--suppress=}" \
    '-DHASH_ITER(hh,head,el,next)=for((el)=(head),(next)=(head)->hh.next;(el)!=NULL;(el)=(next))' \
    '-DHASH_DELETE(hh,head,el)=((head)=(el)->hh.next)' '-DHASH_DEL(head,el)=((head)=(el)->hh.next)' \
    '-DLIST_HEAD(name,type)=struct{struct type*lh_first;}' '-DLIST_ENTRY(type)=struct{struct type*le_next;}' \
    '-DLIST_FOREACH(el,head,link)=for((el)=(head)->lh_first;(el)!=NULL;(el)=(el)->link.le_next)' \
    "$@"
echo "cppcheck: $# files, nothing but ${#exceptions[@]} exceptions"
