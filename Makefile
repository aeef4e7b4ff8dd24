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
HARDEN  := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fPIE \
           -fno-common -fvisibility=hidden -fno-strict-overflow -fno-delete-null-pointer-checks
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
Q       := $(if $(V),,@)   # make V=1 shows the commands
CFLAGS  += $(STD) $(OPT) $(WARN) $(WERROR) $(HARDEN) -I. -include common/base/ban.h -DZL_VERSION='"$(VERSION)"' -pthread
LIBS    := -lmicrohttpd -lgnutls -lcurl -lcjson -lyaml -lssl -lcrypto -pthread
PACKAGES := gcc make pkg-config libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev libcjson-dev libyaml-dev libssl-dev uthash-dev

# files-below FOLDERS,NAME - all of that name at any depth. None is an error: a check of nothing would pass.
files-below = $(or $(sort $(shell find $(1) -type f -name $(2))),$(error no file $(2) below $(1)))
COMMON   := $(patsubst %.c,$(BUILD)/%.o,$(call files-below,common,'*.c'))
PROGRAMS := zen-lead-webhook zen-lead-controller zen-lead-certs
program-objects = $(patsubst %.c,$(BUILD)/%.o,$(call files-below,$(1),'*.c'))
SOURCES  := $(call files-below,common webhook controller certs test,'*.[ch]')

all: $(addprefix $(BUILD)/bin/,$(PROGRAMS) zl-kubelet zl-kubectl) ## build the programs into build/bin (default)

$(BUILD)/bin/zen-lead-webhook: $(call program-objects,webhook)
$(BUILD)/bin/zen-lead-controller: $(call program-objects,controller)
$(BUILD)/bin/zen-lead-certs: $(call program-objects,certs)
$(BUILD)/bin/zl-kubelet: $(call program-objects,test/kubelet)
$(BUILD)/bin/zl-kubectl: $(call program-objects,test/kubectl)
$(BUILD)/bin/zl-bench: $(BUILD)/test/bench/failover.o $(BUILD)/test/bench/bench.o
$(BUILD)/bin/zl-limit: $(BUILD)/test/bench/limit.o $(BUILD)/test/bench/bench.o
$(BUILD)/bin/zl-kinds: $(BUILD)/test/lint/kinds.o
$(BUILD)/bin/zl-tls-load: $(BUILD)/test/tls/load.o
$(BUILD)/bin/zl-policy-fields: $(BUILD)/test/lint/policy_fields.o
chaos-objects = $(patsubst %,$(BUILD)/test/chaos/%.o,$(1))
$(BUILD)/bin/zl-chaos-checker: $(call chaos-objects,checker streams fact history history_jobs history_look calm)
$(BUILD)/bin/zl-chaos-proxy: $(call chaos-objects,proxy)
$(BUILD)/bin/%: $(BUILD)/libcommon.a
	@mkdir -p $(@D) && echo "  LINK $@"
	$Q$(CC) $(CFLAGS) $(LDHARD) -o $@ $(filter %.o,$^) $(BUILD)/libcommon.a $(LIBS)

$(BUILD)/libcommon.a: $(COMMON)
	@rm -f $@
	$Q$(AR) qcs $@ $^

$(BUILD)/%.o: %.c Makefile | deps
	@mkdir -p $(@D) && echo "  CC   $<"
	$Q$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

build: all ## the same as make all

# --- installation ---

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
install: $(addprefix $(BUILD)/bin/,$(PROGRAMS)) ## install the programs, stripped, below DESTDIR and PREFIX (/usr/local)
	@install -d "$(DESTDIR)$(BINDIR)"
	@install -s -m 0755 $^ "$(DESTDIR)$(BINDIR)"
	@echo "installed in $(DESTDIR)$(BINDIR): $(PROGRAMS)"

uninstall: ## remove what make install put there
	@rm -f $(foreach p,$(PROGRAMS),"$(DESTDIR)$(BINDIR)/$(p)")

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
TEST_OBJECTS := $(filter-out %/main.o,$(foreach p,webhook controller certs,$(call program-objects,$p))) \
                $(call chaos-objects,fact history history_jobs history_look calm) \
                $(foreach f,$(UNIT_SOURCES),$(if $(filter test_%,$(notdir $f)),,$(BUILD)/$(f:.c=.o)))
$(BUILD)/test/%: $(BUILD)/test/unit/%.o $(TEST_OBJECTS) $(BUILD)/libcommon.a
	@mkdir -p $(@D) && echo "  LINK $@"
	$Q$(CC) $(CFLAGS) $(LDHARD) -o $@ $< $(BUILD)/libtest.a $(BUILD)/libcommon.a $(LIBS) -lcmocka
$(UNIT): $(BUILD)/libtest.a
$(patsubst %.c,$(BUILD)/%.o,$(UNIT_SOURCES)): | deps-test
$(BUILD)/libtest.a: $(TEST_OBJECTS)
	@rm -f $@
	$Q$(AR) qcs $@ $^

# --- the image ---

IMAGE   ?= kube-zen/zen-lead:$(VERSION)
image: ## build the container image with docker, podman or buildah; IMAGE=name:tag BUILDER=podman
	@bash test/image/build.sh "$(BUILDER)" --build-arg VERSION=$(VERSION) -t $(IMAGE) .

image-root: $(addprefix $(BUILD)/bin/,$(PROGRAMS)) ## write what the image holds into the folder ROOT
	@bash test/image/root.sh $(BUILD)/bin "$(ROOT)"

image-check: all ## is that complete, minimal and reproducible, as far as it shows without a container builder?
	@bash test/image/check.sh $(BUILD)/bin

# --- tests ---

unit: $(UNIT) ## unit tests (cmocka); SANITIZE=address,undefined or thread runs them under a sanitizer
	@bash test/unit/run.sh $(BUILD)/test -- $(UNIT)

valgrind: $(UNIT) ## unit tests under valgrind
	@bash test/controlplane/packages.sh valgrind
	@bash test/unit/run.sh $(BUILD)/test valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite -- $(UNIT)

e2e: all $(BUILD)/bin/zl-tls-load ## end-to-end tests on a real control plane; AREA=gatekeeper runs one area
	@ZL_BIN=$(BUILD)/bin bash test/e2e/run.sh $(AREA)

e2e-tsan: build/bin/zl-kubectl ## webhook and controller under load with ThreadSanitizer
	@$(MAKE) --no-print-directory SANITIZE=thread all
	@ZL_BIN=build/san-thread/bin ZL_E2E_LOGS=build/e2e-logs-tsan bash test/e2e/run.sh race

bench-failover: all $(BUILD)/bin/zl-bench $(BUILD)/bin/zl-limit ## milliseconds from a pod's event to the new EndpointSlice, beside Kubernetes' own and the limit
	@ZL_BIN=$(BUILD)/bin bash test/bench/failover.sh

bench-scale: all $(BUILD)/bin/zl-bench ## 1,000 annotated Services: convergence, memory, API requests, failover
	@ZL_BIN=$(BUILD)/bin bash test/bench/scale.sh

chaos: all $(BUILD)/bin/zl-chaos-checker $(BUILD)/bin/zl-chaos-proxy ## random faults for SECONDS (600), an independent checker; SEED=n repeats a run's faults
	@ZL_BIN=$(BUILD)/bin SEED=$(SEED) bash test/chaos/run.sh $(SECONDS)

test: ## everything: style, layers, lint, unit tests, sanitizers, end-to-end
	@bash test/run.sh

model: ## the protocol's model, checked exhaustively by spin, and once more without each of its guards; DEEP=1 for larger bounds
	@bash test/model/run.sh

demo: all ## one label, one leader, shown on a real control plane; KEEP=1 leaves it running
	@ZL_BIN=$(BUILD)/bin bash test/demo/demo.sh

# --- checks ---

format: ## format the tree
	@clang-format -i $(SOURCES)

format-check: ## fail on a file that is not formatted
	@bash test/controlplane/packages.sh clang-format
	@clang-format --dry-run --Werror $(SOURCES)

layers: $(BUILD)/libcommon.a ## fail on an include or a symbol that crosses the architecture
	@bash test/lint/layers.sh $(BUILD)/libcommon.a

TIDY := $(patsubst %.c,build/tidy/%.ok,$(filter %.c,$(filter-out test/%,$(SOURCES))))
lint: $(TIDY) ## clang-tidy on the product, shellcheck on the scripts
	@bash test/controlplane/packages.sh shellcheck
	@shellcheck -x $(shell git ls-files '*.sh' '*.bash' '*.bats' .ci/run)
build/tidy/%.ok: %.c .clang-tidy | deps
	@bash test/controlplane/packages.sh clang-tidy
	@mkdir -p $(@D) && echo "  TIDY $<"
	@clang-tidy --quiet $< -- $(STD) -I. -include common/base/ban.h -DZL_VERSION='"$(VERSION)"' 2>/dev/null
	@touch $@

docs: all ## write docs/options.md from the programs' own option tables, and the PrometheusRule from the alert rules
	@bash test/lint/options.sh $(BUILD)/bin >docs/options.md
	@bash test/lint/prometheusrule.sh >manifests/monitoring/prometheusrule.yaml

docs-check: all $(addprefix $(BUILD)/bin/,zl-policy-fields zl-kinds) ## fail when docs/options.md or docs/metrics.md is not what the programs say, CRD and docs/reference.md not what the policy's table says, manifests and pages know other Kinds than common/kinds, or a link leads nowhere
	@bash test/lint/options.sh $(BUILD)/bin | diff docs/options.md - || { echo "run: make docs" >&2; exit 1; }
	@bash test/lint/policy_fields.sh $(BUILD)/bin/zl-policy-fields
	@bash test/lint/reference.sh
	@bash test/lint/links.sh
	@bash test/lint/metrics.sh
	@bash test/lint/kinds.sh $(BUILD)/bin/zl-kinds

analyze: ## gcc -fanalyzer over the product
	@$(MAKE) --no-print-directory BUILD=build/analyze OPT="-O1 -fanalyzer" build/analyze/libcommon.a

fuzz: ## libFuzzer on what a stranger can send, SECONDS each (30)
	@bash test/fuzz/run.sh $(SECONDS)

chart: ## write the templates of manifests/chart from the manifests for kustomize
	@bash manifests/chart.sh manifests/chart

manifests-check: ## render every kustomization; the Helm chart is what they say, and renders to the same
	@bash test/manifests/check.sh
	@bash test/manifests/chart.sh

newest-check: all ## the CRD and the webhook with the newest Kubernetes libraries that Debian has; builds them once (450 MB, 6 minutes)
	@ZL_BIN=$(BUILD)/bin bash test/newest/check.sh

monitoring-check: ## the alert rules against made-up histories, with promtool
	@bash test/monitoring/run.sh

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' Makefile

.PHONY: all build install uninstall run deploy undeploy chart image image-root image-check deps deps-test unit valgrind e2e e2e-tsan bench-failover bench-scale test model chaos demo format format-check layers lint docs docs-check analyze fuzz manifests-check monitoring-check newest-check clean help
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
