#!/bin/sh
# The shim: stands in for a container engine in a job's PATH. `run` gets a file for the container's id and a label, by
# which the container is found, and the names of the variables that the task is to have; mlcube has no way to pass
# them. The settings may name the engine by its path: MLCUBE_SSH_ENGINE.

# That the system runs it where it lies is proved before the job starts.
if [ "${1-}" = mlcube-ssh-shim ]; then
  printf '%s\n' "$2"
  exit
fi

PATH=${PATH#*:}
job=$MLCUBE_SSH_JOB_FOLDER
name=${0##*/}
: >"$job/engine-called"
engine=$(command -v "${MLCUBE_SSH_ENGINE:-$name}") || {
  printf '%s: not found on this host\n' "${MLCUBE_SSH_ENGINE:-$name}" >&2
  exit 127
}

# The task is about to start: `number` counts the tasks of the job.
count_run() {
  number=1
  while [ -e "$job/run.$number" ]; do number=$((number + 1)); done
  : >"$job/run.$number"
}

case $name in
  docker | podman) ;;
  *)
    case " $* " in
      *' run '* | *' exec '*)
        count_run
        : >"$job/began"
        # mlcube asks for GPUs with an empty value, which is none for Apptainer, and names them as docker takes them.
        for word; do
          shift
          [ "$word" != --nv= ] || word=--nv
          set -- "$@" "$word"
        done
        case ${SINGULARITYENV_CUDA_VISIBLE_DEVICES-} in
          all | -1) unset SINGULARITYENV_CUDA_VISIBLE_DEVICES ;;
          device=*) SINGULARITYENV_CUDA_VISIBLE_DEVICES=${SINGULARITYENV_CUDA_VISIBLE_DEVICES#device=} ;;
        esac
        # The environment reaches the task as it is, unless an option keeps it out: these get past --cleanenv. So does the
        # job's mark, by which what a task leaves behind is found.
        for variable in MLCUBE_SSH_JOB $MLCUBE_SSH_VARIABLES; do
          eval "APPTAINERENV_$variable=\$$variable SINGULARITYENV_$variable=\$$variable"
          export "APPTAINERENV_$variable" "SINGULARITYENV_$variable"
        done
        # Else Apptainer has a shell evaluate these: a value is no script.
        if [ -n "$MLCUBE_SSH_VARIABLES" ]; then
          APPTAINER_NO_EVAL=1 SINGULARITY_NO_EVAL=1
          export APPTAINER_NO_EVAL SINGULARITY_NO_EVAL
        fi
        ;;
    esac
    exec "$engine" "$@"
    ;;
esac

printf '%s\n' "$engine" >"$job/engine"

# Options of the engine itself stand before `run`; the words are turned round once, so that they stay as they are.
# `place` is where a word stands: an option of `run`, the value of one (of --gpus), or, with the image, the task's.
left=$#
seen='' place=
while [ "$left" -gt 0 ]; do
  word=$1
  shift
  left=$((left - 1))
  if [ "$place$word" = option--rm ]; then
    # A container that is gone can't tell how it ended; the job removes it.
    continue
  fi
  if [ "$place" = gpus ]; then word=--gpus=$word place=option; fi
  case $place$word in
    value*) place=option ;;
    option--gpus)
      place=gpus
      continue
      ;;
    option--gpus=*)
      if ignores_gpus "$engine"; then
        name_devices "${word#--gpus=}" || {
          printf "%s: podman before 5 ignores %s; give a number, all or device=LIST, or update podman there\n" "$name" "$word" >&2
          exit 125
        }
        # shellcheck disable=SC2154 # gpus.sh, which stands before this file, sets devices
        for device in $devices; do set -- "$@" --device "nvidia.com/gpu=$device"; done
        continue
      fi
      ;;
    option--*=* | option--detach | option--init | option--interactive | option--no-healthcheck | option--privileged | \
      option--publish-all | option--quiet | option--read-only | option--replace | option--tty | option-[ditqP] | \
      option--disable-content-trust | option--env-host | option--http-proxy | option--no-hosts | option--no-hostname | \
      option--oom-kill-disable | option--passwd | option--read-only-tmpfs | option--rmi | option--rootfs | \
      option--sig-proxy | option--tls-verify | option--unsetenv-all | option--use-api-socket) ;;
    # With a value of its own behind it, but for short ones that have it in the same word.
    option--* | option-?) place=value ;;
    option-*) ;;
    option*) place=task ;;
  esac
  set -- "$@" "$word"
  [ -z "$seen" ] || continue
  case $word in
    run)
      seen=run place=option
      count_run
      set -- "$@" --cidfile "$job/cid.$number" --label "mlcube-ssh.job=$MLCUBE_SSH_JOB"
      for variable in $MLCUBE_SSH_VARIABLES; do set -- "$@" -e "$variable"; done
      ;;
    build | buildx | pull | inspect | image | images | load | tag | ps | rm | create | exec) seen=other ;;
  esac
done
exec "$engine" "$@"
