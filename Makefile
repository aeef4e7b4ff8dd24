# zen-lead - one label, one leader. GNU make; run `make help` for the targets.
#
#   make                     build everything into build/
#   make test                unit and end-to-end tests (installs what it needs)
#   make SANITIZE=address,undefined unit     the same tests under a sanitizer
#   make e2e AREA=gatekeeper                 one area of the end-to-end tests
#   make WERROR= CC=clang    for packagers and other compilers

STD     := -std=c17 -D_GNU_SOURCE
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wformat=2 -Wundef -Wvla -Walloca -Wconversion \
           -Wsign-conversion -Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes \
           -Wmissing-declarations -Wpointer-arith -Wcast-qual -Wwrite-strings -Wswitch-enum \
           -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion -Wredundant-decls
cc-option = $(shell printf 'int main(void){return 0;}' | $(CC) -Werror $(1) -x c - -c -o /dev/null 2>/dev/null && echo $(1))
WARN    += $(foreach f,-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wcast-align=strict -Wtrampolines,$(call cc-option,$f))
HARDEN  := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
           -fno-common -fno-strict-overflow -fno-delete-null-pointer-checks
HARDEN  += $(foreach f,-fcf-protection=full -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr,$(call cc-option,$f))
HARDEN  += -ffile-prefix-map=$(CURDIR)=. # the same programs wherever they are built
LDHARD  := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
OPT     ?= -O2 -g
WERROR  ?= -Werror
BUILD   := build
comma   := ,
ifdef SANITIZE
BUILD   := build/san-$(subst $(comma),-,$(SANITIZE))
HARDEN  := -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=$(SANITIZE)
LDHARD  := -fsanitize=$(SANITIZE)
OPT     := -O1 -g
endif
VERSION ?= 0.3.0
# What the programs were made from: a commit, "-dirty" with files that were changed.
ifndef COMMIT
COMMIT  := $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)
endif
# Of programs and library alike, so that nothing is compiled twice: the library is what is exported by name.
PIC     := -fPIC -fvisibility=hidden
Q       := $(if $(V),,@)   # make V=1 shows the commands
CFLAGS  += $(STD) $(OPT) $(WARN) $(WERROR) $(HARDEN) $(PIC) -I. -include common/base/ban.h -DZL_VERSION='"$(VERSION)"' -pthread
LIBS    := -lmicrohttpd -lgnutls -lcurl -lcjson -lyaml -lssl -lcrypto -pthread
PACKAGES := gcc make pkg-config libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev libcjson-dev libyaml-dev libssl-dev uthash-dev

# files-below FOLDERS,NAME - all of that name at any depth. None is an error: a check of nothing would pass.
files-below = $(or $(sort $(shell find $(1) -type f -name $(2))),$(error no file $(2) below $(1)))
COMMON   := $(patsubst %.c,$(BUILD)/%.o,$(call files-below,common,'*.c'))
DAEMONS  := zen-lead-webhook zen-lead-controller zen-lead-certs
PROGRAMS := $(DAEMONS) zen-lead
program-objects = $(patsubst %.c,$(BUILD)/%.o,$(call files-below,$(1),'*.c'))
SOURCES  := $(call files-below,common webhook controller certs client test,'*.[ch]')

all: $(addprefix $(BUILD)/bin/,$(PROGRAMS) zl-kubelet zl-kubectl) $(BUILD)/lib/libzenlead.so $(BUILD)/lib/libzenlead.a ## build the programs into build/bin (default), the library into build/lib

$(BUILD)/bin/zen-lead-webhook: $(call program-objects,webhook)
$(BUILD)/bin/zen-lead-controller: $(call program-objects,controller)
$(BUILD)/bin/zen-lead-certs: $(call program-objects,certs)
$(BUILD)/bin/zen-lead: $(call program-objects,client)
# The one object that is another with each commit, in the place of libcommon's.
$(BUILD)/commit.c: FORCE
	@mkdir -p $(@D) && echo '#include "common/base/commit.h"' >$@.new && echo 'const char zl_commit[] = "$(COMMIT)";' >>$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(BUILD)/commit.o: $(BUILD)/commit.c Makefile | deps
	$Q$(CC) $(CFLAGS) -c -o $@ $<
$(addprefix $(BUILD)/bin/,$(PROGRAMS)): $(BUILD)/commit.o
.PHONY: FORCE
$(BUILD)/bin/zl-kubelet: $(call program-objects,test/kubelet)
$(BUILD)/bin/zl-kubectl: $(call program-objects,test/kubectl)
$(BUILD)/bin/zl-pod: $(BUILD)/test/node/pod.o
$(BUILD)/bin/zl-client: $(BUILD)/test/node/client.o
$(BUILD)/bin/zl-bench: $(BUILD)/test/bench/failover.o $(BUILD)/test/bench/bench.o
$(BUILD)/bin/zl-limit: $(BUILD)/test/bench/limit.o $(BUILD)/test/bench/bench.o
$(BUILD)/bin/zl-reviews: $(BUILD)/test/bench/webhook/reviews.o $(BUILD)/test/bench/bench.o
$(BUILD)/bin/zl-bare-webhook: $(BUILD)/test/bench/webhook/bare.o
$(BUILD)/bin/zl-crowd: $(BUILD)/test/bench/fleet/crowd.o $(BUILD)/test/bench/bench.o
$(BUILD)/bin/zl-stranger: $(BUILD)/test/abuse/stranger.o
$(BUILD)/bin/zl-kinds: $(BUILD)/test/lint/kinds.o
$(BUILD)/bin/zl-tls-load: $(BUILD)/test/tls/load.o
$(BUILD)/bin/zl-policy-fields: $(BUILD)/test/lint/policy_fields.o
chaos-objects = $(patsubst %,$(BUILD)/test/chaos/%.o,$(1))
$(BUILD)/bin/zl-chaos-checker: $(call chaos-objects,checker streams fact history history_jobs history_look calm)
$(BUILD)/bin/zl-chaos-proxy: $(call chaos-objects,proxy)
$(BUILD)/bin/zl-fleet-checker: $(call chaos-objects,fleet/checker fleet/judge fleet/judge_ledger)
$(BUILD)/bin/zl-fleet-worker: $(call chaos-objects,fleet/worker)
$(BUILD)/bin/zl-clock.so: test/chaos/fleet/clock.c Makefile # in each program that is tested: without sanitizers
	@mkdir -p $(@D) && echo "  LINK $@"
	$Q$(CC) $(STD) -O2 $(WARN) $(WERROR) -fPIC -shared -o $@ $<
$(BUILD)/bin/%: $(BUILD)/libcommon.a
	@mkdir -p $(@D) && echo "  LINK $@"
	$Q$(CC) $(CFLAGS) $(LDHARD) -o $@ $(filter %.o,$^) $(BUILD)/libcommon.a $(LIBS)

$(BUILD)/libcommon.a: $(COMMON)
	@rm -f $@
	$Q$(AR) qcs $@ $^

# --- libzenlead: what client/lib/libzenlead.map names is exported, the rest of it nobody sees ---

ABI     := 1
LIBRARY := $(call program-objects,client/lib client/election)
$(BUILD)/lib/libzenlead.so: $(LIBRARY) $(BUILD)/libcommon.a client/lib/libzenlead.map
	@mkdir -p $(@D) && echo "  LINK $@"
	$Q$(CC) $(CFLAGS) $(filter-out -pie,$(LDHARD)) -shared -Wl,-soname,libzenlead.so.$(ABI) \
	    -Wl,--version-script=client/lib/libzenlead.map -o $@.$(ABI) $(LIBRARY) $(BUILD)/libcommon.a $(LIBS)
	$Qln -sf libzenlead.so.$(ABI) $@

$(BUILD)/lib/libzenlead.a: $(LIBRARY) $(BUILD)/libcommon.a
	@mkdir -p $(@D) && rm -f $@ && echo "  AR   $@"
	$Q$(LD) -r -o $(@D)/zenlead.o $(LIBRARY) $(BUILD)/libcommon.a && objcopy --localize-hidden $(@D)/zenlead.o
	$Q$(AR) qcs $@ $(@D)/zenlead.o

$(BUILD)/%.o: %.c Makefile | deps
	@mkdir -p $(@D) && echo "  CC   $<"
	$Q$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# The page is in the object: it is compiled anew when one of its files is another.
$(BUILD)/client/dashboard/page.o: $(wildcard client/dashboard/page/*)

build: all ## the same as make all

# --- installation ---

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
LIBDIR  ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR  ?= $(PREFIX)/share/man
# kubectl finds its plugins, and what completes them, by these names.
PLUGINS := kubectl-zen_lead kubectl_complete-zen_lead
install: all ## install programs (stripped), kubectl plugin, man pages, library, header and pkg-config file below DESTDIR and PREFIX (/usr/local)
	@install -d $(foreach d,$(BINDIR) $(LIBDIR)/pkgconfig $(INCLUDEDIR) $(MANDIR)/man1 $(MANDIR)/man8,"$(DESTDIR)$(d)")
	@install -s -m 0755 $(addprefix $(BUILD)/bin/,$(PROGRAMS)) "$(DESTDIR)$(BINDIR)"
	@$(foreach p,$(PLUGINS),ln -sf zen-lead "$(DESTDIR)$(BINDIR)/$(p)" &&) :
	@$(BUILD)/bin/zen-lead --man >"$(DESTDIR)$(MANDIR)/man1/zen-lead.1"
	@$(foreach p,$(DAEMONS),$(BUILD)/bin/$(p) --man >"$(DESTDIR)$(MANDIR)/man8/$(p).8" &&) :
	@install -s -m 0755 $(BUILD)/lib/libzenlead.so.$(ABI) "$(DESTDIR)$(LIBDIR)"
	@ln -sf libzenlead.so.$(ABI) "$(DESTDIR)$(LIBDIR)/libzenlead.so"
	@install -m 0644 $(BUILD)/lib/libzenlead.a "$(DESTDIR)$(LIBDIR)"
	@install -m 0644 client/lib/zenlead.h "$(DESTDIR)$(INCLUDEDIR)"
	@sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(VERSION)|' \
	    client/lib/libzenlead.pc.in >"$(DESTDIR)$(LIBDIR)/pkgconfig/libzenlead.pc"
	@echo "installed in $(DESTDIR)$(BINDIR): $(PROGRAMS) $(PLUGINS); in $(DESTDIR)$(LIBDIR): libzenlead"

uninstall: ## remove what make install put there
	@rm -f $(foreach p,$(PROGRAMS) $(PLUGINS),"$(DESTDIR)$(BINDIR)/$(p)") "$(DESTDIR)$(MANDIR)/man1/zen-lead.1" \
	    $(foreach p,$(DAEMONS),"$(DESTDIR)$(MANDIR)/man8/$(p).8") \
	    "$(DESTDIR)$(INCLUDEDIR)/zenlead.h" "$(DESTDIR)$(LIBDIR)/pkgconfig/libzenlead.pc" \
	    $(foreach f,so so.$(ABI) a,"$(DESTDIR)$(LIBDIR)/libzenlead.$(f)")

run: $(addprefix $(BUILD)/bin/,$(PROGRAMS)) ## webhook and controller on this machine against the current kubeconfig, until Ctrl-C
	@bash test/local/run.sh $(BUILD)/bin

OVERLAY ?= cert-manager
deploy: ## install OVERLAY (cert-manager) into the cluster of the current kubeconfig; IMAGE=registry/name:tag
	@bash manifests/deploy.sh $(OVERLAY) $(if $(filter-out file,$(origin IMAGE)),"$(IMAGE)")

undeploy: ## uninstall OVERLAY from there; BESIDE="network-policy monitoring" what was applied beside it
	@bash manifests/undeploy.sh $(OVERLAY) $(BESIDE)

deps: ; @bash test/controlplane/packages.sh $(PACKAGES)

deps-test: ; @bash test/controlplane/packages.sh libcmocka-dev

# A unit test is test/unit/FOLDER/test_X.c, in the folder of what it tests. It links libcommon and the objects of the
# programs except their main.o.
UNIT_SOURCES := $(call files-below,test/unit,'*.c')
UNIT := $(foreach f,$(UNIT_SOURCES),$(if $(filter test_%,$(notdir $f)),$(patsubst test/unit/%.c,$(BUILD)/test/%,$f)))
TEST_OBJECTS := $(filter-out %/main.o,$(foreach p,webhook controller certs client,$(call program-objects,$p))) \
                $(call chaos-objects,fact history history_jobs history_look calm fleet/judge fleet/judge_ledger) \
                $(foreach f,$(UNIT_SOURCES),$(if $(filter test_%,$(notdir $f)),,$(BUILD)/$(f:.c=.o)))
$(BUILD)/test/%: $(BUILD)/test/unit/%.o $(TEST_OBJECTS) $(BUILD)/libcommon.a
	@mkdir -p $(@D) && echo "  LINK $@"
	$Q$(CC) $(CFLAGS) $(LDHARD) -o $@ $< $(BUILD)/libtest.a $(BUILD)/libcommon.a $(LIBS) -lcmocka
$(UNIT): $(BUILD)/libtest.a
$(filter $(BUILD)/test/client/%,$(UNIT)): $(BUILD)/bin/zen-lead # they run it
$(patsubst %.c,$(BUILD)/%.o,$(UNIT_SOURCES)): | deps-test
$(BUILD)/libtest.a: $(TEST_OBJECTS)
	@rm -f $@
	$Q$(AR) qcs $@ $^

# --- the image ---

IMAGE   ?= kube-zen/zen-lead:$(VERSION)
image: ## build the container image with docker, podman or buildah; IMAGE=name:tag BUILDER=podman PLATFORMS=linux/amd64,linux/arm64
	@PLATFORMS="$(PLATFORMS)" OUT="$(if $(filter-out file,$(origin OUT)),$(OUT))" \
	    bash test/image/build.sh "$(BUILDER)" "$(IMAGE)" --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT)

image-root: $(addprefix $(BUILD)/bin/,$(PROGRAMS)) ## write what the image holds into the folder ROOT
	@bash test/image/root.sh $(BUILD)/bin "$(ROOT)"

SBOM ?= build/sbom.cdx.json
sbom: $(addprefix $(BUILD)/bin/,$(PROGRAMS)) ## what the image is made of, as CycloneDX, from dpkg of the machine that builds it; SBOM=FILE
	@rm -rf build/sbom-root && bash test/image/root.sh $(BUILD)/bin build/sbom-root
	@bash test/image/sbom.sh build/sbom-root "$(SBOM)"

image-check: all ## is that complete, minimal and reproducible, as far as it shows without a container builder?
	@bash test/image/check.sh $(BUILD)/bin
	@bash test/image/platforms.sh

# --- a release ---

OUT ?= build/release
release: all ## archives, install files, chart, bill of materials and checksums of VERSION in the new folder OUT (build/release); IMAGE=registry/name:tag
	@VERSION=$(VERSION) IMAGE=$(if $(filter-out file,$(origin IMAGE)),"$(IMAGE)") bash test/release/build.sh $(BUILD)/bin "$(OUT)"

release-check: all ## is a release complete, usable and reproducible, and refused without an entry in CHANGELOG.md?
	@bash test/controlplane/packages.sh jq git
	@bash test/release/check.sh $(BUILD)/bin

# --- tests ---

install-check: all ## what make install puts there works for others: plugin, completion, man page, libzenlead for C11 and C++17
	@bash test/client/install.sh

# What is looked for in memory and threads shows in one run of the simulation as well as in six; under valgrind each takes a minute and a half.
ONE_SEED := SEED=1
unit: $(UNIT) ## unit tests (cmocka); SANITIZE=address,undefined or thread runs them under a sanitizer
	@$(if $(SANITIZE),$(ONE_SEED) BUSY=1) bash test/unit/run.sh $(BUILD)/test -- $(UNIT)

valgrind: $(UNIT) ## unit tests under valgrind
	@bash test/controlplane/packages.sh valgrind
	@$(ONE_SEED) bash test/unit/run.sh $(BUILD)/test valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite -- $(UNIT)

e2e: all $(addprefix $(BUILD)/bin/,zl-tls-load zl-pod zl-client zl-chaos-proxy) ## end-to-end tests on a real control plane; AREA=gatekeeper runs one area
	@ZL_BIN=$(BUILD)/bin bash test/e2e/run.sh $(AREA)

e2e-tsan: build/bin/zl-kubectl ## webhook and controller under load with ThreadSanitizer
	@$(MAKE) --no-print-directory SANITIZE=thread all
	@ZL_PASSED= TSAN_OPTIONS="suppressions=$(CURDIR)/test/tsan.supp" ZL_BIN=build/san-thread/bin ZL_E2E_LOGS=build/e2e-logs-tsan bash test/e2e/run.sh race

BENCHES := $(addprefix $(BUILD)/bin/,zl-bench zl-limit zl-reviews zl-bare-webhook zl-sidecar-bench zl-crowd)
bench: all $(BENCHES) ## every benchmark but those on a node, in less than 15 minutes, into docs/benchmarks.md; ONLY="webhook fleet" runs some
	@ZL_BIN=$(BUILD)/bin ZL_FLAGS="$(strip $(OPT) $(filter-out -ffile-prefix-map=%,$(HARDEN)))" bash test/bench/all.sh

bench-failover: all $(BUILD)/bin/zl-bench $(BUILD)/bin/zl-limit ## milliseconds from a pod's event to the new EndpointSlice, beside Kubernetes' own and the limit
	@ZL_BIN=$(BUILD)/bin bash test/bench/failover.sh

bench-webhook: all $(BUILD)/bin/zl-reviews $(BUILD)/bin/zl-bare-webhook ## milliseconds and processor time of a review, beside a Go webhook and a bare libmicrohttpd; RATES="500 2000", SIZES="3 10 100"
	@ZL_BIN=$(BUILD)/bin bash test/bench/webhook.sh

NODE_PROGRAMS := $(addprefix $(BUILD)/bin/,zl-pod zl-client)
node: all $(NODE_PROGRAMS) ## a real Kubernetes node on this machine, zen-lead installed; until Ctrl-C, KEEP=1 leaves it running
	@ZL_BIN=$(BUILD)/bin bash test/node/run.sh

bench-node: all $(NODE_PROGRAMS) ## gaps and errors that clients see on a real node, COUNT (50) times each; CAUSES="handover update" measures some
	@ZL_BIN=$(BUILD)/bin bash test/node/bench.sh

$(BUILD)/bin/zl-sidecar-bench: $(BUILD)/test/bench/sidecar.o $(BUILD)/test/bench/bench.o $(LIBRARY)
bench-sidecar: all $(BUILD)/bin/zl-sidecar-bench ## milliseconds for an answer of the sidecar at RATE (1000) a second, and behind the API server's events; its memory
	@ZL_BIN=$(BUILD)/bin bash test/bench/sidecar.sh

bench-dashboard: all ## milliseconds from the API server's event to zen-lead dashboard's page in a real browser; frame times at 1,000 pools and 50 clusters
	@ZL_BIN=$(BUILD)/bin ZL_DASHBOARD_JUDGED=1 ZL_DASHBOARD_POOLS=1000 ZL_DASHBOARD_FAILOVERS=20 ZL_PASSED= \
		FILTER='on the page|stay fluent' bash test/e2e/run.sh dashboard

bench-scale: all $(BUILD)/bin/zl-bench ## 1,000 annotated Services: convergence, memory, API requests, failover
	@ZL_BIN=$(BUILD)/bin bash test/bench/scale.sh

bench-namespaces: all $(BUILD)/bin/zl-bench ## a pool in each of NAMESPACES ("100 400"), PODS (5000) elsewhere: streams, memory, time to ready, failover, and the slope
	@ZL_BIN=$(BUILD)/bin bash test/bench/namespaces.sh

bench-pools: all $(BUILD)/bin/zl-bench $(BUILD)/bin/zl-limit ## POOLS ("20 200 1000 3000") that lead: requests and processor while nothing happens, failover among them, takeover, memory for each
	@ZL_BIN=$(BUILD)/bin bash test/bench/pools.sh

bench-jobs: all ## JOBS (40) through one pool, one after the other, beside the same Jobs without one
	@ZL_BIN=$(BUILD)/bin bash test/bench/jobs.sh

bench-fleet: all $(BUILD)/bin/zl-crowd ## an arbiter with COUNTS ("50 1000 10000") clusters: memory, writes a second, hand-over; requests of a real member that waits among them
	@ZL_BIN=$(BUILD)/bin bash test/bench/fleet/run.sh

ABUSE_PROGRAMS := $(addprefix $(BUILD)/bin/,zl-bench zl-limit zl-stranger)
abuse: all $(ABUSE_PROGRAMS) ## attacks by strangers while pools elsewhere fail over COUNT (50) times: memory, refusals, times; ATTACKS="leases storm" runs some
	@ZL_BIN=$(BUILD)/bin bash test/abuse/run.sh

abuse-node: all $(NODE_PROGRAMS) $(BUILD)/bin/zl-stranger ## the same attacks against zen-lead in pods of a real node, with their limits and probes: nothing is OOMKilled or restarted; COUNT (5)
	@ZL_BIN=$(BUILD)/bin bash test/abuse/node.sh

soak: all $(BUILD)/bin/zl-bench ## failovers, pools that come and go, new certificates for MINUTES (30): memory, descriptors and threads stay what they were
	@ZL_BIN=$(BUILD)/bin bash test/soak/run.sh

chaos: all $(BUILD)/bin/zl-chaos-checker $(BUILD)/bin/zl-chaos-proxy ## random faults for SECONDS (600), an independent checker; SEED=n repeats a run's faults
	@ZL_BIN=$(BUILD)/bin SEED=$(SEED) bash test/chaos/run.sh $(SECONDS)

CHAOS_FLEET := $(addprefix $(BUILD)/bin/,zl-chaos-proxy zl-fleet-checker zl-fleet-worker zl-clock.so)
chaos-fleet: all $(CHAOS_FLEET) ## the same for a fleet's hub, arbiters and members, for SECONDS (120) or FAULTS; SEED=n repeats a run's faults
	@ZL_BIN=$(BUILD)/bin SEED=$(SEED) FAULTS=$(FAULTS) bash test/chaos/fleet/run.sh $(SECONDS)

test: ## everything: style, layers, lint, unit tests, sanitizers, end-to-end; what passed with the same inputs is not run again, FRESH=1: all
	@FRESH=$(FRESH) bash test/run.sh

model: ## the protocol's model, checked exhaustively by spin, and once more without each of its guards; DEEP=1 for larger bounds
	@bash test/model/run.sh

demo: all $(NODE_PROGRAMS) ## one label, one leader, shown on a real control plane and a real node; KEEP=1 leaves it running, NODE=0: no node
	@ZL_BIN=$(BUILD)/bin bash test/demo/demo.sh

demo-fleet: all ## COUNT (50) clusters of which N (5) act at once, in waves, shown and counted on a real hub; WORK (5) seconds each, KEEP=1; KILL=20 STEPS="2 8": a fifth of the controllers is killed, N changes
	@ZL_BIN=$(BUILD)/bin bash test/demo/fleet.sh

dashboard-pictures: all ## pictures of zen-lead dashboard in docs/images, from a real control plane and a real browser
	@ZL_BIN=$(BUILD)/bin ZL_PICTURES=$(CURDIR)/docs/images FILTER=pictures bash test/e2e/run.sh dashboard

# --- checks ---

format: ## format the tree
	@clang-format -i $(SOURCES)

format-check: ## fail on a file that is not formatted
	@bash test/controlplane/packages.sh clang-format
	@clang-format --dry-run --Werror $(SOURCES)

layers: $(BUILD)/libcommon.a ## fail on an include or a symbol that crosses the architecture
	@bash test/lint/layers.sh $(BUILD)/libcommon.a

TIDY := $(addprefix tidy/,$(filter %.c,$(filter-out test/%,$(SOURCES))))
lint: $(TIDY) hardening ## clang-tidy on the product, shellcheck on the scripts, and hardening
	@bash test/controlplane/packages.sh shellcheck
	@shellcheck -x $(shell git ls-files '*.sh' '*.bash' '*.bats' .ci/run)
	@find $${XDG_CACHE_HOME:-$$HOME/.cache}/zen-lead/tidy -type f -mtime +30 -delete
tidy/%: | deps
	@bash test/controlplane/packages.sh clang-tidy
	@bash test/lint/tidy.sh $* $(STD) -I. -include common/base/ban.h -DZL_VERSION='"$(VERSION)"'

hardening: all ## programs and library are position-independent, with read-only relocations, stack protector and checked copies
	@bash test/controlplane/packages.sh binutils
	@bash test/lint/hardening.sh $(addprefix $(BUILD)/bin/,$(PROGRAMS)) $(BUILD)/lib/libzenlead.so.$(ABI)

docs: all ## write docs/options.md from the programs' own option tables, and the PrometheusRule from the alert rules
	@bash test/lint/options.sh $(BUILD)/bin >docs/options.md
	@bash test/lint/prometheusrule.sh >manifests/monitoring/prometheusrule.yaml

docs-check: all $(addprefix $(BUILD)/bin/,zl-policy-fields zl-kinds) ## fail when docs/options.md or docs/metrics.md is not what the programs say, CRD and docs/reference.md not what the policy's table says, manifests and pages know other Kinds than common/kinds, or a link leads nowhere
	@bash test/lint/options.sh $(BUILD)/bin | diff docs/options.md - || { echo "run: make docs" >&2; exit 1; }
	@bash test/lint/policy_fields.sh $(BUILD)/bin/zl-policy-fields
	@bash test/lint/reference.sh
	@bash test/lint/links.sh
	@bash test/lint/metrics.sh
	@bash test/lint/fleet_rules.sh
	@bash test/lint/kinds.sh $(BUILD)/bin/zl-kinds
	@bash test/lint/doctor.sh $(BUILD)/bin

# What uthash and <sys/queue.h> hang into a table or list, gcc 12 takes for leaked: leaks are what LeakSanitizer and valgrind look for.
ANALYZED := $(addprefix build/analyze/bin/,$(PROGRAMS)) build/analyze/lib/libzenlead.so
analyze: ## gcc -fanalyzer and cppcheck over the product
	@bash test/controlplane/packages.sh cppcheck
	@$(MAKE) --no-print-directory CC=gcc BUILD=build/analyze OPT="-O1 -fanalyzer -Wno-analyzer-malloc-leak -DZL_ANALYZER" $(ANALYZED)
	@bash test/lint/cppcheck.sh $(filter %.c,$(filter-out test/%,$(SOURCES)))

# What the fuzz targets link: only what they use of it counts as their branches.
$(BUILD)/libfuzz.a: $(COMMON) $(filter-out %/main.o,$(call program-objects,webhook))
	@rm -f $@
	$Q$(AR) qcs $@ $^

FUZZ := CC=clang SANITIZE=fuzzer-no-link,address,undefined
fuzz: ## libFuzzer on what a stranger can send, SECONDS each (30), from the kept corpora; TARGETS="http objects" runs some
	@bash test/controlplane/packages.sh clang "$$(bash test/controlplane/clang-runtime.sh)"
	@$(MAKE) --no-print-directory -j"$$(nproc)" $(FUZZ) build/san-fuzzer-no-link-address-undefined/libfuzz.a
	@bash test/fuzz/run.sh build/san-fuzzer-no-link-address-undefined/libfuzz.a $(SECONDS)

chart: ## write the templates of manifests/chart from the manifests for kustomize
	@bash manifests/chart.sh manifests/chart

manifests-check: ## render every kustomization; the Helm chart is what they say, and renders to the same; health rules of docs/gitops.md
	@bash test/manifests/check.sh
	@bash test/manifests/chart.sh
	@bash test/manifests/health.sh

install-matrix: all ## every client with every overlay: install, again, upgrade, downgrade, uninstall (docs/install.md); CLIENT=apply
	@ZL_BIN=$(BUILD)/bin bash test/install/matrix.sh $(CLIENT)

newest-check: all ## the CRD and the webhook with the newest Kubernetes libraries that Debian has; builds them once (450 MB, 6 minutes)
	@ZL_BIN=$(BUILD)/bin bash test/newest/check.sh

monitoring-check: ## the alert rules against made-up histories, with promtool
	@bash test/monitoring/run.sh

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' Makefile

.PHONY: abuse abuse-node all build hardening sbom soak node bench-node bench-sidecar install uninstall run deploy undeploy chart image image-root image-check release release-check install-check deps deps-test unit valgrind e2e e2e-tsan bench-dashboard bench-failover bench-webhook bench-scale bench-namespaces bench-pools bench-jobs bench-fleet bench test model chaos chaos-fleet demo demo-fleet dashboard-pictures format format-check layers lint docs docs-check analyze fuzz install-matrix manifests-check monitoring-check newest-check clean help
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
