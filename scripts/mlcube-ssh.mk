# Rules for GNU make: MLCubes on remote machines, one target for each step.
#
#     MLCUBE_PLATFORM = gpu1                  # several: gpu1 gpu2; make -j is fine
#     MLCUBE_TASKS    = train,evaluate
#     include ~/.local/share/mlcube-ssh/mlcube-ssh.mk
#
# gives `make mlcube-config`, `mlcube-interp`, `mlcube-push`, `mlcube-configure`, `mlcube-run` and `mlcube-pull`, each with
# those before it; and for one platform, whether it is in MLCUBE_PLATFORM or not, `make mlcube-run-gpu2` (mlcube-STEP-%).
# `make mlcube-doctor`, `mlcube-login` and `mlcube-logout` do what these verbs of mlcube-ssh do, for the same platforms.
#
# What a step wrote is kept in MLCUBE_STATE/PLATFORM/STEP.json. A step is redone when the configuration, the settings or the
# arguments give another document, when local files of the cube changed, or when its STEP.json was removed; `make -B` redoes
# all. A run that failed or was cut off leaves unfinished.json instead of run.json: `make mlcube-pull` then fetches what
# there is, without another run, and fails as the run did. Asked for in any other way, the run is tried again.

MLCUBE_PREFIX ?= mlcube-
# The cube: its folder or its file.
MLCUBE ?= .
# Sections of the settings file, one or several.
MLCUBE_PLATFORM ?=
# Tasks, separated by commas; empty is right for a cube with one task.
MLCUBE_TASKS ?=
# More words for mlcube-ssh config, quoted for the shell: -Pdocker.image=x name='two words' --gpus=2.
# MLCUBE_ARGS_gpu1 adds those of one platform: --workspace=workspace-gpu1 keeps the results of several apart.
MLCUBE_ARGS ?=
# The wrapper: beside this file in a checkout, where scripts/install puts it, else on PATH.
MLCUBE_SSH ?= $(or $(abspath $(firstword $(wildcard $(addprefix $(mlcube_ssh_here),mlcube-ssh ../../bin/mlcube-ssh)))),mlcube-ssh)

mlcube_ssh_here := $(dir $(lastword $(MAKEFILE_LIST)))
mlcube_ssh_steps := config interp push configure run pull
mlcube_ssh_verbs := doctor login logout
mlcube_ssh_quoted = '$(subst ','\'',$(1))'

# The folder of the steps' documents. What lies in it decides what is run, and with which words, so it is never a folder
# that came with a cube: it is below the user's state folder, named after the cube and the folder where make runs. Set
# MLCUBE_STATE to a folder that only you fill.
ifndef MLCUBE_STATE
MLCUBE_STATE := $(shell case "$$XDG_STATE_HOME" in (/*) top=$$XDG_STATE_HOME ;; (*) top=$$HOME/.local/state ;; esac; \
	name=$$({ pwd -P; realpath -m -- $(call mlcube_ssh_quoted,$(MLCUBE)); } | sha256sum | cut -c 1-16); \
	test -z "$$name" || echo "$$top/mlcube-ssh/make/$$name")
endif
ifeq ($(MLCUBE_STATE),)
$(error MLCUBE_STATE is empty; set it to a folder of yours)
endif
# Rules can't name files whose path has blanks, colons and the like, so the characters that surely work are listed.
mlcube_ssh_wrong := $(shell state=$(call mlcube_ssh_quoted,$(MLCUBE_STATE)); \
	test -z "$$(printf %s "$$state" | LC_ALL=C tr -d 'A-Za-z0-9_./+@,\200-\377-')" || { \
		echo "has a character that make's rules can't use"; exit; }; \
	{ cube=$$(realpath -m -- $(call mlcube_ssh_quoted,$(MLCUBE))) && state=$$(realpath -m -- "$$state"); } || { \
		echo "can't be compared with the cube's by realpath"; exit; }; \
	test ! -f "$$cube" || cube=$${cube%/*}; \
	case $$state/ in ("$${cube%/}"/*) echo "lies in the cube, whose author may have filled it" ;; esac)
ifneq ($(mlcube_ssh_wrong),)
$(error the folder $(MLCUBE_STATE) $(mlcube_ssh_wrong); set MLCUBE_STATE to another one of yours)
endif

# Every step writes STEP.json.new, which is renamed to STEP.json when the step is done. Only the user can read it.
mlcube_ssh_folder = @umask 077 && mkdir -p $(@D)
mlcube_ssh_done = @mv -f $@.new $@
# The words for a platform, which mlcube-ssh config and the verbs of the wrapper take.
mlcube_ssh_words = --mlcube=$(call mlcube_ssh_quoted,$(MLCUBE)) --platform='$*' \
	$(if $(MLCUBE_TASKS),--task='$(MLCUBE_TASKS)') $(MLCUBE_ARGS) $(MLCUBE_ARGS_$*)
mlcube_ssh_changes = "$$(grep -c 'changed": true' $(1))"

# The goals, for all platforms and for one.
.PHONY: mlcube_ssh_always $(addprefix $(MLCUBE_PREFIX),$(mlcube_ssh_steps) $(mlcube_ssh_verbs))

define mlcube_ssh_goals
$(MLCUBE_PREFIX)$(1): $(MLCUBE_PLATFORM:%=$(MLCUBE_STATE)/%/$(1).json)
	@$$(if $$(MLCUBE_PLATFORM),,$$(error MLCUBE_PLATFORM is empty: name a platform of your settings file))
$(MLCUBE_PREFIX)$(1)-%: $(MLCUBE_STATE)/%/$(1).json
	@:
# They are no intermediate files, to be removed at the end.
.PRECIOUS: $(MLCUBE_STATE)/%/$(1).json
endef
$(foreach step,$(mlcube_ssh_steps),$(eval $(call mlcube_ssh_goals,$(step))))

# They make no file.
define mlcube_ssh_verb_goals
$(MLCUBE_PREFIX)$(1): $(MLCUBE_PLATFORM:%=$(MLCUBE_PREFIX)$(1)-%)
	@$$(if $$(MLCUBE_PLATFORM),,$$(error MLCUBE_PLATFORM is empty: name a platform of your settings file))
$(MLCUBE_PREFIX)$(1)-%: mlcube_ssh_always
	$$(MLCUBE_SSH) $(1) $$(mlcube_ssh_words)
endef
$(foreach verb,$(mlcube_ssh_verbs),$(eval $(call mlcube_ssh_verb_goals,$(verb))))

# Resolving takes milliseconds, so it is always done; unchanged, the file keeps its time.
$(MLCUBE_STATE)/%/config.json: mlcube_ssh_always
	$(mlcube_ssh_folder)
	$(MLCUBE_SSH) config $(mlcube_ssh_words) > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv -f $@.new $@; fi

$(MLCUBE_STATE)/%/interp.json: $(MLCUBE_STATE)/%/config.json
	$(MLCUBE_SSH) interp --input $< > $@.new
	$(mlcube_ssh_done)

# push itself finds out which files changed: it looks at them every time, and needs no connection if there is nothing to
# send. If its receipt adds no `"changed": true`, the previous file is restored with its time.
$(MLCUBE_STATE)/%/push.json: $(MLCUBE_STATE)/%/interp.json mlcube_ssh_always
	@test ! -e $@ || mv -f $@ $@.old
	$(MLCUBE_SSH) push $(if $(filter $<,$?),,--if-changed) --input $< > $@.new
	@if $(if $(filter $<,$?),false,test $(call mlcube_ssh_changes,$<) = $(call mlcube_ssh_changes,$@.new)); \
		then mv -f $@.old $@; else mv -f $@.new $@; fi; rm -f $@.old $@.new

# If only files changed, the image is built again only if they are in its build context. After a failure it always is.
$(MLCUBE_STATE)/%/configure.json: $(MLCUBE_STATE)/%/push.json $(MLCUBE_STATE)/%/interp.json
	@rm -f $@
	$(MLCUBE_SSH) exec configure $(if $(filter-out $<,$?),,--if-changed) --input $< > $@.new
	$(mlcube_ssh_done)

$(MLCUBE_STATE)/%/run.json: $(MLCUBE_STATE)/%/configure.json
	@rm -f $@; cp -f $< $(@D)/unfinished.json
	$(MLCUBE_SSH) exec run --output $@.new --input $< || \
		{ status=$$?; test ! -s $@.new || mv -f $@.new $(@D)/unfinished.json; exit $$status; }
	$(mlcube_ssh_done)
	@rm -f $(@D)/unfinished.json

$(MLCUBE_STATE)/%/pull.json: $(MLCUBE_STATE)/%/run.json
	$(MLCUBE_SSH) pull --input $< > $@.new
	$(mlcube_ssh_done)

# Only pulls are requested, and the last run didn't succeed: fetch what it left, don't run it again, and don't report
# success.
ifeq ($(filter-out $(MLCUBE_PREFIX)pull $(MLCUBE_PREFIX)pull-%,$(or $(MAKECMDGOALS),none)),)
mlcube_ssh_asked := $(patsubst $(MLCUBE_PREFIX)pull-%,%,$(filter $(MLCUBE_PREFIX)pull-%,$(MAKECMDGOALS)))
mlcube_ssh_unfinished := $(foreach platform,$(sort $(MLCUBE_PLATFORM) $(mlcube_ssh_asked)),$(if \
	$(wildcard $(MLCUBE_STATE)/$(platform)/unfinished.json),$(platform)))
endif
ifneq ($(mlcube_ssh_unfinished),)
$(mlcube_ssh_unfinished:%=$(MLCUBE_STATE)/%/pull.json): $(MLCUBE_STATE)/%/pull.json: mlcube_ssh_always
	@rm -f $@
	$(MLCUBE_SSH) pull --input $(@D)/unfinished.json > $@.new || { status=$$?; cmp -s $(@D)/unfinished.json $@.new && \
		echo '$(@D): the run failed, and not in a task; what is there comes with: $(MLCUBE_SSH) pull -i $(@D)/configure.json' >&2; \
		exit $$status; }
	@echo '$(@D): this is what a run left that was cut off; make $(MLCUBE_PREFIX)run-$* tries again' >&2; exit 1
endif
