#!/bin/sh
# Stands in for a container engine in a job's PATH: `run` gets a label by which the container is found, the names of
# the variables that the task is to have, and --rm. mlcube has no way to pass them. The settings may name the engine by
# its path: MLCUBE_SSH_ENGINE.

PATH=${PATH#*:}
name=${0##*/}
engine=$(command -v "${MLCUBE_SSH_ENGINE:-$name}") || {
  printf '%s: not found on this host\n' "$name" >&2
  exit 127
}

case $name in
  docker | podman) ;;
  *)
    : >"$MLCUBE_SSH_JOB_FOLDER/engine-called"
    case $* in *run* | *exec*) : >"$MLCUBE_SSH_JOB_FOLDER/task-started" ;; esac
    exec "$engine" "$@"
    ;;
esac

printf '%s\n' "$engine" >"$MLCUBE_SSH_JOB_FOLDER/engine"
: >"$MLCUBE_SSH_JOB_FOLDER/engine-called"

# Options of the engine itself stand before `run`; the words are turned round once, so that they stay as they are.
left=$#
seen=
while [ "$left" -gt 0 ]; do
  word=$1
  shift
  left=$((left - 1))
  set -- "$@" "$word"
  [ -z "$seen" ] || continue
  case $word in
    run)
      seen=1
      set -- "$@" --rm --label "mlcube-ssh.job=$MLCUBE_SSH_JOB"
      for variable in $MLCUBE_SSH_VARIABLES; do set -- "$@" -e "$variable"; done
      : >"$MLCUBE_SSH_JOB_FOLDER/task-started"
      ;;
    build | buildx | pull | inspect | image | images | load | tag | ps | rm | create | exec) seen=1 ;;
  esac
done
exec "$engine" "$@"
