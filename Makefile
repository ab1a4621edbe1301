# Cubby. `make run` and `make test` are the two commands; README.md says what the others do.
#
#   make               build the programs            make check      unit tests only
#   make run           install, build, serve          make test       everything, as CI runs it
#   make start|stop    the same in the background     make bench      measure, print ratios
#   make reload        a new cubby-pushd for a running `make start`
#   make demo          run, with two users and data    make picture    the README's, of the demo
#   make lint tidy format settings compdb             make fuzz T=json [FUZZ_S=60]
#   make install [PREFIX=/usr/local]           make deb|tarball   packages, in build/
#   Settings: CC=clang  SAN=1 (address, undefined)  SAN=thread  V=1  PORT=8080  DATA=data
#
# A folder of lib/ is one archive, a layer; a new .c file in a known folder needs no edit here.

CC := gcc
SAN :=
V :=
PORT ?= 8080
DATA ?= data

VARIANT := $(CC)$(if $(SAN),-san-$(SAN))
B := build/$(VARIANT)
Q := $(if $(V),,@)

CSTD     := -std=c11 -D_GNU_SOURCE
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
OPTIMISE := -O2 -g -fno-omit-frame-pointer -D_FORTIFY_SOURCE=2 -fstack-protector-strong
SANITIZE :=
ifeq ($(SAN),1)
OPTIMISE := -O1 -g -fno-omit-frame-pointer
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
else ifneq ($(SAN),)
OPTIMISE := -O1 -g -fno-omit-frame-pointer
SANITIZE := -fsanitize=$(SAN)
endif
# nng, SQLite and the others are not built with it: their locks count, what they touch does not.
export TSAN_OPTIONS ?= ignore_noninstrumented_modules=1
export UBSAN_OPTIONS ?= print_stacktrace=1
CFLAGS   += $(CSTD) $(WARNINGS) $(OPTIMISE) $(SANITIZE) -fPIE -pthread
LDFLAGS  += $(SANITIZE) -pthread -pie -Wl,-z,relro,-z,now -Wl,--as-needed

# What each layer needs from outside: one outside thing, one file.
LIBS_base   := -lcrypto
LIBS_wire   := -lcjson -lhttp_parser -lwslay -lpcre2-8 -lz -lcsv -lssl
LIBS_store  := -lsqlite3
LIBS_domain := -largon2 -linih -lnng -lcurl
LIBS_app    := -lfcgi
LIBS        := $(LIBS_domain) $(LIBS_store) $(LIBS_wire) $(LIBS_base) -lm

LAYERS   := base wire store domain
ARCHIVES := $(foreach l,domain store wire base,$(B)/lib$(l).a)
objects   = $(patsubst %.c,$(B)/%.o,$(sort $(wildcard $(addsuffix /*.c,$(1)))))

APP_OBJ  := $(filter-out $(B)/fcgi-app/main.o,$(call objects,fcgi-app fcgi-app/res))
PUSH_OBJ := $(filter-out $(B)/pushd/main.o,$(call objects,pushd pushd/ep))
APP      := $(B)/cubby.fcgi
PUSHD    := $(B)/cubby-pushd
CTL      := $(B)/cubbyctl

all: $(APP) $(PUSHD) $(CTL)

.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:

# --- compile ---------------------------------------------------------------------------------------

INCLUDE = -Ilib
$(B)/fcgi-app/%.o: INCLUDE = -Ilib -Ifcgi-app
$(B)/pushd/%.o: INCLUDE = -Ilib -Ipushd
$(B)/ctl/%.o: INCLUDE = -Ilib -Ictl
$(B)/tests/app/%.o $(B)/tests/lib/app/%.o: INCLUDE = -Ilib -Ifcgi-app -Itests
$(B)/tests/push/%.o $(B)/tests/lib/push/%.o: INCLUDE = -Ilib -Ipushd -Itests
$(B)/tests/unit/%.o $(B)/tests/fuzz/%.o $(B)/tests/bench/%.o $(B)/tests/lib/%.o: INCLUDE = -Ilib -Itests
$(B)/lib/wire/%.o: CFLAGS += -Wconversion

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC  $<")
	$(Q)$(CC) $(CFLAGS) $(INCLUDE) -MMD -MP -c $< -o $@

define layer
$(B)/lib$(1).a: $(call objects,lib/$(1))
	@rm -f $$@
	$(Q)$(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer,$(l))))

$(B)/fcgi-app/api_docs.o: fcgi-app/openapi.json
$(B)/fcgi-app/res/admin.o: fcgi-app/admin.html

$(APP): $(B)/fcgi-app/main.o $(APP_OBJ) $(ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_app) $(LIBS) -o $@

$(PUSHD): $(B)/pushd/main.o $(PUSH_OBJ) $(ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

$(CTL): $(call objects,ctl) $(ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# --- tests in C ------------------------------------------------------------------------------------
# A unit test links its own layer and those below: an upward call does not link.

# Fixtures in tests/lib serve every test, those in tests/lib/store the layers that have a store,
# those in tests/lib/app the tests of cubby.fcgi, those in tests/lib/push the tests of pushd.
TEST_LIB        := $(call objects,tests/lib)
STORE_LIB       := $(TEST_LIB) $(call objects,tests/lib/store)
APP_LIB         := $(STORE_LIB) $(call objects,tests/lib/app)
PUSH_LIB        := $(STORE_LIB) $(call objects,tests/lib/push)
TEST_LIB_base   := $(TEST_LIB)
TEST_LIB_wire   := $(TEST_LIB)
TEST_LIB_store  := $(STORE_LIB)
TEST_LIB_domain := $(STORE_LIB)
below_base   := base
below_wire   := wire base
below_store  := store wire base
below_domain := domain store wire base
tests_of      = $(patsubst %.c,$(B)/%,$(sort $(wildcard $(1)/*.c)))
UNIT_TESTS   := $(foreach l,$(LAYERS),$(call tests_of,tests/unit/$(l)))
APP_TESTS    := $(call tests_of,tests/app)
PUSH_TESTS   := $(call tests_of,tests/push)
C_TESTS      := $(UNIT_TESTS) $(APP_TESTS) $(PUSH_TESTS)

define unit_rule
$(B)/tests/unit/$(1)/%: $(B)/tests/unit/$(1)/%.o $(TEST_LIB_$(1)) $(foreach a,$(below_$(1)),$(B)/lib$(a).a)
	$$(Q)$$(CC) $$(LDFLAGS) $$^ $(foreach a,$(below_$(1)),$$(LIBS_$(a))) -lm -lcmocka -o $$@
endef
$(foreach l,$(LAYERS),$(eval $(call unit_rule,$(l))))

$(B)/tests/app/%: $(B)/tests/app/%.o $(APP_LIB) $(APP_OBJ) $(ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_app) $(LIBS) -lcmocka -o $@

$(B)/tests/push/%: $(B)/tests/push/%.o $(PUSH_LIB) $(PUSH_OBJ) $(ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -lcmocka -o $@

# Fuzz targets: LLVMFuzzerTestOneInput in tests/fuzz/NAME.c, seeds in tests/fuzz/corpus/NAME/.
# Replayed as plain tests by any compiler; `make fuzz T=NAME` explores with clang's libFuzzer.
FUZZERS := $(filter-out replay,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
REPLAYS := $(addprefix $(B)/tests/fuzz/,$(FUZZERS))
$(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

check: $(C_TESTS) $(REPLAYS)
	@tests/run-units.sh $(B) $(C_TESTS) -- $(REPLAYS)

FUZZ_S ?= 60
fuzz:
	@test -n "$(T)" || { echo "usage: make fuzz T=<one of: $(FUZZERS)> [FUZZ_S=seconds]"; exit 2; }
	@tests/fuzz/explore.sh "$(T)" "$(FUZZ_S)"

# --- the two commands ------------------------------------------------------------------------------

run start stop reload: export PORT := $(PORT)
run start stop reload: export DATA := $(DATA)
run: install-run
	@$(MAKE) --no-print-directory all
	@apache-conf/serve.sh run $(APP) $(PUSHD)
start: install-run
	@$(MAKE) --no-print-directory all
	@apache-conf/serve.sh start $(APP) $(PUSHD)
stop:
	@apache-conf/serve.sh stop
reload: all
	@apache-conf/serve.sh reload
demo: install-run
	@$(MAKE) --no-print-directory all
	@PORT=$(PORT) DATA=$(if $(filter file,$(origin DATA)),build/demo,$(DATA)) \
		apache-conf/demo.sh $(APP) $(PUSHD)
picture: install-test all
	@node tests/picture.mjs docs/desk.png

test: install-test
	@$(MAKE) --no-print-directory SAN=$(SAN) CC=$(CC) test-all
test-all: all lint check
	@tests/run-stack.sh $(APP) $(PUSHD) $(T)

bench: install-test
	@$(MAKE) --no-print-directory all bench-programs
	@tests/bench/run.sh $(B) '$(T)'
BENCH_PROGRAMS := $(call tests_of,tests/bench)
bench-programs: $(BENCH_PROGRAMS)
$(B)/tests/bench/trivial_cgi: LDFLAGS += -Wl,--no-as-needed
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(call objects,tests/bench/lib) $(ARCHIVES)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS_app) $(LIBS) -o $@

# Packages: one list, .ci/packages, read by .ci/install for whoever asks.
install-run:
	@.ci/install run
install-test:
	@.ci/install run test

# --- to other places --------------------------------------------------------------------------------
# install: DESTDIR, PREFIX, SYSCONFDIR, STATEDIR, UNITDIR, BASE_PATH, as packaging/install.sh has them.

VERSION = $(shell packaging/version.sh)
install: all
	@packaging/install.sh $(B)
deb: all
	@packaging/deb/build.sh $(B) build/cubby_$(VERSION)_$(shell dpkg --print-architecture).deb
tarball: all
	@packaging/tarball.sh $(B) build/cubby-$(VERSION)-$(shell uname -m).tar.gz

# --- order in the house ----------------------------------------------------------------------------

SOURCES := $(sort $(wildcard lib/*/*.[ch] fcgi-app/*.[ch] fcgi-app/res/*.[ch] pushd/*.[ch] \
	pushd/ep/*.[ch] ctl/*.[ch] tests/*/*.[ch] tests/*/*/*.[ch]))

lint: headers
	@tests/lint/run.sh

headers:
	@tests/lint/headers.sh "$(CC) $(CSTD) $(WARNINGS) -Wno-unused-function"

tidy: compdb
	@printf '%s\n' $(filter-out tests/%,$(filter %.c,$(SOURCES))) | \
		xargs -P 2 -n 4 clang-tidy --quiet -p .

format:
	@clang-format -i $(SOURCES)

settings: $(APP)
	@$(APP) --print-config | awk -f docs/settings.awk > docs/settings.md

compdb:
	@$(MAKE) --no-print-directory -Bnk V=1 all $(C_TESTS) | tests/lint/compdb.sh > compile_commands.json

clean:
	@rm -rf build compile_commands.json

.PHONY: install deb tarball
.PHONY: all check fuzz run start stop reload demo picture test test-all bench bench-programs install-run install-test \
	lint tidy headers format settings compdb clean
