#!/bin/sh
# The part of a batch job between the user's own line and run.sh: checks what the job needs, and prepares it.
# shellcheck disable=SC2034,SC2154 # place.sh reads shim; `given` sets base and the rest

[ -f "$base/${root:+$root/}$file" ] || abandon no-file-on-node "$base/${root:+$root/}$file"
[ -z "$workspace" ] || [ -d "$workspace" ] || abandon no-file-on-node "$workspace"
[ -x "$python" ] || abandon no-python-on-node "$python"
if [ -n "$needed_engine" ]; then
  engine=$(command -v "$needed_engine") || { [ "$needed_engine" = singularity ] && engine=$(command -v apptainer); } ||
    abandon no-engine-on-node "$needed_engine"
  # dash finds a path whose file can't run.
  [ -x "$engine" ] || abandon no-engine-on-node "$needed_engine"
fi
# Slurm's KILL doesn't reach the container of a daemon, and a job that has been killed removes none.
for other in "${job%/*}"/*; do
  if [ "$other" = "$job" ] || ! is_batch_job "$other" || ! may_have_left_containers "$other"; then continue; fi
  its_node=
  read -r its_node 2>/dev/null <"$other/node" || :
  [ "$its_node" = "$(uname -n)" ] || continue
  job_state "$other"
  case $how in finished | killed | lost) ! remove_containers_of "$other" || note_cleared "$other" ;; esac
done
if [ -n "$image" ] && ! timeout -s KILL 30 "$engine" image inspect "$image" >/dev/null 2>&1; then
  printf "mlcube-ssh: note: the node %s has no image %s, so mlcube pulls or builds it there first; an image in a registry, or 'configure: slurm' of the launcher with --nodelist, saves that\n" \
    "$(uname -n)" "$image"
fi
shim=$(cat shim)
mkdir -p bin
place_shims
plain_view
if [ -n "$settings" ]; then
  MLCUBE_SYSTEM_SETTINGS=$job/settings.yaml
  export MLCUBE_SYSTEM_SETTINGS
fi
# The other GPUs of the node belong to other jobs.
MLCUBE_SSH_GPUS=${SLURM_JOB_GPUS-} MLCUBE_SSH_VARIABLES=$variables PYTHONUNBUFFERED=1
export MLCUBE_SSH_GPUS MLCUBE_SSH_VARIABLES PYTHONUNBUFFERED
level=$1 phase=$2
shift 2
set -- job="$job" lock="$lock" view="$view" shims="$shims" mask="$mask" cube="$base/$root" python="$python" \
  log_limit="$log_limit" locale="$user_locale" -- "$level" "$phase" "--mlcube=$base/$root/$file" \
  ${workspace:+"--workspace=$workspace"} "$@"
