#!/bin/sh
# The shim: replaces the container engines on a job's PATH. It adds to `run` a file for the container's id, a label by
# which the container is found, and the names of the variables for the task: mlcube has no option for these. It labels
# the images that are built, because an engine has one image of a name for all trees. The settings may name the engine
# by its path: MLCUBE_SSH_ENGINE.

set -u

# start.sh calls the shim like this before the job starts, to test that the system runs programs from this folder.
if [ "${1-}" = mlcube-ssh-shim ]; then
  printf '%s\n' "$2"
  exit
fi

PATH=${PATH#*:}
job=$MLCUBE_SSH_JOB_FOLDER
name=${0##*/}
: >"$job/engine-called"
# Apptainer goes by either name, and packages of it may have one of them only.
case $name in
  singularity) alias=apptainer ;;
  apptainer) alias=singularity ;;
  *) alias= ;;
esac
engine=$(command -v "${MLCUBE_SSH_ENGINE:-$name}") || { [ -n "$alias" ] && engine=$(command -v "$alias"); } || {
  printf '%s: not found on this host\n' "${MLCUBE_SSH_ENGINE:-$name}" >&2
  exit 127
}

# Lets rootless podman start the process that holds its namespace, if it doesn't run yet. The first call after the
# host's boot starts it, and it would keep the variables for the task in its environment until the next boot.
hold_namespace() {
  [ -n "$MLCUBE_SSH_VARIABLES" ] && [ "$(id -u)" != 0 ] || return 0
  case $("$engine" --version 2>/dev/null) in
    podman*)
      (
        # shellcheck disable=SC2086 # names
        unset $MLCUBE_SSH_VARIABLES
        "$engine" unshare true >/dev/null 2>&1
      ) || :
      ;;
  esac
}

# Notes that a task is about to start: `number` counts the tasks of the job.
count_run() {
  number=1
  while [ -e "$job/run.$number" ]; do number=$((number + 1)); done
  : >"$job/run.$number"
}

case $name in
  docker | podman) ;;
  *)
    case " $* " in
      *' build '*) : >"$job/built" ;;
      *' run '* | *' exec '*)
        count_run
        : >"$job/began"
        # mlcube asks for GPUs by an option with an empty value, which Apptainer refuses, and names GPUs in docker's
        # syntax.
        for word; do
          shift
          [ "$word" != --nv= ] || word=--nv
          set -- "$@" "$word"
        done
        case ${MLCUBE_SSH_GPUS:+given}${SINGULARITYENV_CUDA_VISIBLE_DEVICES-} in
          # Those that the launcher gave to the job, with their numbers in it.
          given?*) SINGULARITYENV_CUDA_VISIBLE_DEVICES=${CUDA_VISIBLE_DEVICES-} ;;
          all | -1) unset SINGULARITYENV_CUDA_VISIBLE_DEVICES ;;
          device=*) SINGULARITYENV_CUDA_VISIBLE_DEVICES=${SINGULARITYENV_CUDA_VISIBLE_DEVICES#device=} ;;
        esac
        # The task gets the environment unchanged, unless an option such as --cleanenv keeps it out: variables with
        # these prefixes are passed nevertheless. The job's mark is among them: by it the processes are found that a
        # task leaves behind.
        for variable in MLCUBE_SSH_JOB $MLCUBE_SSH_VARIABLES; do
          eval "APPTAINERENV_$variable=\$$variable SINGULARITYENV_$variable=\$$variable"
          export "APPTAINERENV_$variable" "SINGULARITYENV_$variable"
        done
        # Otherwise Apptainer lets a shell evaluate these variables: a value must not run as a script.
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
# The state folder stands for the tree.
tree=$(cd -P "$job/../.." && pwd -P)

# Options of the engine itself precede `run`. Each word is moved to the end once, so the order of the words stays the
# same. `place` is the position of a word: an option of `run`, the value of an option (gpus: of --gpus), or task from
# the image on.
left=$#
seen='' place=
while [ "$left" -gt 0 ]; do
  word=$1
  shift
  left=$((left - 1))
  if [ "$place$word" = option--rm ]; then
    # A removed container can't report how it ended; the job removes it later.
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
      # Whatever the task asks for, it gets those that the launcher gave to its job.
      [ -z "${MLCUBE_SSH_GPUS-}" ] || word="--gpus=\"device=$MLCUBE_SSH_GPUS\""
      if ignores_gpus "$engine"; then
        name_devices "${word#--gpus=}" || {
          printf "%s: podman before 5 ignores %s; give a number, all or device=LIST, or update podman there\n" "$name" "$word" >&2
          exit 125
        }
        # shellcheck disable=SC2154 # gpus.sh, which precedes this file, sets devices
        for device in $devices; do set -- "$@" --device "nvidia.com/gpu=$device"; done
        continue
      fi
      # docker reads the value as CSV, and mlcube 0.0.10 drops the quotes that keep a list together.
      case $word in
        *'"'* | --gpus=device=*=*) ;;
        --gpus=device=*,*) case $("$engine" --version 2>/dev/null) in [Dd]ocker*) word="--gpus=\"${word#--gpus=}\"" ;; esac ;;
      esac
      ;;
    option--*=* | option--detach | option--init | option--interactive | option--no-healthcheck | option--privileged | \
      option--publish-all | option--quiet | option--read-only | option--replace | option--tty | option-[ditqP] | \
      option--disable-content-trust | option--env-host | option--http-proxy | option--no-hosts | option--no-hostname | \
      option--oom-kill-disable | option--passwd | option--read-only-tmpfs | option--rmi | option--rootfs | \
      option--sig-proxy | option--tls-verify | option--unsetenv-all | option--use-api-socket) ;;
    # Such an option takes the next word as its value; a short option with more letters has its value in the same word.
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
    pull) seen=pull ;;
    build)
      seen=other
      set -- "$@" --label "mlcube-ssh.tree=$tree"
      ;;
    buildx | inspect | image | images | load | tag | ps | rm | create | exec) seen=other ;;
  esac
done
if [ "$seen" = run ]; then
  hold_namespace
  exec "$engine" "$@"
fi
# The variables are for the task, and a process that the engine starts may outlive the job.
# shellcheck disable=SC2086 # names
[ -z "$MLCUBE_SSH_VARIABLES" ] || unset $MLCUBE_SSH_VARIABLES
# mlcube calls this before a task, to find out whether the image exists; it reads only the status.
if [ "$# ${1-} ${2-}" = '3 inspect --type=image' ]; then
  # shellcheck disable=SC2016 # a template of the engine
  builder=$("$engine" inspect --type=image \
    --format '{{range $name, $value := .Config.Labels}}{{if eq $name "mlcube-ssh.tree"}}{{$value}}{{end}}{{end}}' "$3" 2>/dev/null) ||
    exec "$engine" "$@"
  case $builder in
    '' | "$tree") ;;
    *) printf "mlcube-ssh: warning: the image %s was last built for another cube, whose state folder is %s; \`mlcube-ssh configure\` builds that of this one\n" "$3" "$builder" >&2 ;;
  esac
  exit
fi
[ "$seen" = pull ] || exec "$engine" "$@"

# An image that was loaded on the host may be in no registry, and hosts without a network have only such images. A `run`
# of mlcube uses the image that is there, so a pull that fails is a failure only if there is none.
"$engine" "$@"
status=$?
for image; do :; done
# A status above 128 means that a signal ended the engine: somebody stops the job.
if [ "$status" -ne 0 ] && [ "$status" -le 128 ] && "$engine" image inspect "$image" >/dev/null 2>&1; then
  printf "mlcube-ssh: warning: can't pull %s; using the image of that name on this host\n" "$image" >&2
  status=0
fi
exit "$status"
