# Rules for GNU make: MLCube workloads on other machines, one target a step.
#
#     MLCUBE_PLATFORM = gpu1                  # several: gpu1 gpu2
#     MLCUBE_TASKS    = train,evaluate
#     include ~/.local/share/mlcube-ssh/mlcube-ssh.mk
#
# gives `make mlcube-config`, `mlcube-interp`, `mlcube-push`, `mlcube-configure`, `mlcube-run` and `mlcube-pull`, each with
# those before it; and for one platform, whether it is in MLCUBE_PLATFORM or not, `make mlcube-run-gpu2` (mlcube-STEP-%).
#
# What a step wrote is kept in .mlcube-ssh/PLATFORM/STEP.json. A step is redone when the configuration, the settings or the
# arguments give another document, when files of the cube changed here, or when its STEP.json was removed. A run that
# failed or was cut off leaves unfinished.json instead of run.json: `make mlcube-pull` then fetches what there is, without
# another run, and fails as the run did. Asked for in any other way, the run is tried again.

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
MLCUBE_STATE ?= .mlcube-ssh

mlcube_ssh_here := $(dir $(lastword $(MAKEFILE_LIST)))
mlcube_ssh_steps := config interp push configure run pull
mlcube_ssh_quoted = '$(subst ','\'',$(1))'

# Every step writes STEP.json.new, which becomes STEP.json when it is done. Nobody else's to read, as documents are.
# A cube can bring a link of that name, through which its text would be written anywhere.
mlcube_ssh_folder = @link=$$(find $(MLCUBE_STATE) -type l 2>/dev/null | head -n 1); \
	if [ -n "$$link" ]; then \
		echo "mlcube-ssh.mk: error: $$link is a link" >&2; \
		echo "mlcube-ssh.mk: hint: remove it, or set MLCUBE_STATE to another folder" >&2; \
		exit 125; \
	fi; mkdir -p -m 700 $(@D)
mlcube_ssh_done = @mv -f $@.new $@
mlcube_ssh_changes = "$$(grep -c 'changed": true' $(1))"

# The goals, for all platforms and for one.
.PHONY: mlcube_ssh_always $(addprefix $(MLCUBE_PREFIX),$(mlcube_ssh_steps))

define mlcube_ssh_goals
$(MLCUBE_PREFIX)$(1): $(MLCUBE_PLATFORM:%=$(MLCUBE_STATE)/%/$(1).json)
	@$$(if $$(MLCUBE_PLATFORM),,$$(error MLCUBE_PLATFORM is empty: name a platform of your settings file))
$(MLCUBE_PREFIX)$(1)-%: $(MLCUBE_STATE)/%/$(1).json
	@:
# They are no intermediate files, to be removed at the end.
.PRECIOUS: $(MLCUBE_STATE)/%/$(1).json
endef
$(foreach step,$(mlcube_ssh_steps),$(eval $(call mlcube_ssh_goals,$(step))))

# Resolving takes milliseconds, so it is always done; unchanged, the file keeps its time.
$(MLCUBE_STATE)/%/config.json: mlcube_ssh_always
	$(mlcube_ssh_folder)
	$(MLCUBE_SSH) config --mlcube=$(call mlcube_ssh_quoted,$(MLCUBE)) --platform='$*' \
		$(if $(MLCUBE_TASKS),--task='$(MLCUBE_TASKS)') $(MLCUBE_ARGS) $(MLCUBE_ARGS_$*) > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv -f $@.new $@; fi

$(MLCUBE_STATE)/%/interp.json: $(MLCUBE_STATE)/%/config.json
	$(MLCUBE_SSH) interp --input $< > $@.new
	$(mlcube_ssh_done)

# Which files changed is push's to say: it looks at them every time, without a connection when there is nothing to send.
# When its receipt adds no `"changed": true`, the file of the last time comes back with its time.
$(MLCUBE_STATE)/%/push.json: $(MLCUBE_STATE)/%/interp.json mlcube_ssh_always
	@test ! -e $@ || mv -f $@ $@.old
	$(MLCUBE_SSH) push $(if $(filter $<,$?),,--if-changed) --input $< > $@.new
	@if $(if $(filter $<,$?),false,test $(call mlcube_ssh_changes,$<) = $(call mlcube_ssh_changes,$@.new)); \
		then mv -f $@.old $@; else mv -f $@.new $@; fi; rm -f $@.old $@.new

# Only files moved: then the image is made anew only when they are in its build context. After a failure it always is.
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

# Nothing but pulls is asked for, and the run before didn't end well: fetch what it left, don't run it again, claim no
# success.
ifeq ($(filter-out $(MLCUBE_PREFIX)pull $(MLCUBE_PREFIX)pull-%,$(or $(MAKECMDGOALS),none)),)
mlcube_ssh_unfinished := $(patsubst $(MLCUBE_STATE)/%/unfinished.json,%,$(wildcard $(MLCUBE_STATE)/*/unfinished.json))
endif
ifneq ($(mlcube_ssh_unfinished),)
$(mlcube_ssh_unfinished:%=$(MLCUBE_STATE)/%/pull.json): $(MLCUBE_STATE)/%/pull.json: mlcube_ssh_always
	@rm -f $@
	$(MLCUBE_SSH) pull --input $(@D)/unfinished.json > $@.new || { status=$$?; cmp -s $(@D)/unfinished.json $@.new && \
		echo '$(@D): the run failed, and not in a task; what is there comes with: $(MLCUBE_SSH) pull -i $(@D)/configure.json' >&2; \
		exit $$status; }
	@echo '$(@D): this is what a run left that was cut off; make $(MLCUBE_PREFIX)run-$* tries again' >&2; exit 1
endif
