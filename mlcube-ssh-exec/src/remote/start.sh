#!/bin/sh
# Starts a job in a session of its own. A job that is there already is not started again: the answer to an earlier
# start was lost.
# $1 our own folder, $2 the job's id, $3 base, $4 the cube's place in it, $5 its file, $6 workspace (empty: the cube's
# own), $7 python, $8 settings for mlcube there (empty: the account's own), $9 the document, ${10} names of variables
# for the task, ${11} the runner of jobs, ${12} the engine's stand-in, ${13} what starts mlcube, then mlcube's words, of
# which the first two are its log level and its command.

state=$(absolute "$1") id=$2 base=$(absolute "$3") place=$4 file=$5 workspace=$6 python=$7
settings=$8 document=$9
shift 9
variables=$1 run=$2 engine=$3 launch=$4
shift 4
job=$state/jobs/$id

never_configured() { problem never-configured "$1"; }

# The folder in which mlcube finds the cube. It can't be given a path that a shell would take apart, so it goes through
# a link in a folder that lasts as long as the job.
view=
plain_view() {
  case $base$workspace in *[!A-Za-z0-9._/+-]*) ;; *) return 0 ;; esac
  view=$(mktemp -d /tmp/mlcube-ssh.XXXXXX) || problem not-writable /tmp
  ln -s "$base" "$view/tree" || problem not-writable "$view"
  base=$view/tree
  if [ -n "$workspace" ]; then
    ln -s "$workspace" "$view/workspace" || problem not-writable "$view"
    workspace=$view/workspace
  fi
}

find_python() {
  case $python in
    */*) python=$(absolute "$python") ;;
    *) python=$(command -v "$python") || never_configured "$python" ;;
  esac
  [ -x "$python" ] || never_configured "$python"
}

# mlcube swallows --mount before 0.0.10.
check_version() {
  case " $* " in *' --mount='*) ;; *) return 0 ;; esac
  version=$("$python" -c 'from importlib.metadata import version; print(version("mlcube"))' 2>/dev/null)
  case $version in 0.0.[0-9]) problem swallows-mount "$version" ;; esac
}

make_job() {
  mask=$(umask)
  umask 077
  mkdir -p "$state/jobs" || problem not-writable "$state"
  mkdir "$job" 2>/dev/null || { [ -d "$job" ] && return 1; } || problem not-writable "$job"
  if ! {
    mkdir "$job/bin" &&
      printf '%s\n' "$document" >"$job/job.json" &&
      printf '%s\n' "$run" >"$job/run" &&
      printf '%s\n' "$launch" >"$job/launch.py" &&
      printf '%s\n' "$engine" >"$job/bin/docker" &&
      chmod 700 "$job/bin/docker" &&
      : >"$job/log"
  }; then problem not-writable "$job"; fi
  for name in podman singularity apptainer; do ln -s docker "$job/bin/$name"; done
  if [ -n "$settings" ]; then
    printf '%s\n' "$settings" >"$job/settings.yaml"
    MLCUBE_SYSTEM_SETTINGS=$job/settings.yaml
    export MLCUBE_SYSTEM_SETTINGS
  fi
}

# The last 20 jobs stay; one that runs has no status and stays too.
prune() {
  # Ids begin with the time, and hold neither blanks nor wildcards.
  # shellcheck disable=SC2012
  for old in $(ls "$state/jobs" | sort -r | tail -n +21); do
    if [ -f "$state/jobs/$old/status" ]; then rm -rf "${state:?}/jobs/$old"; fi
  done
}

if [ ! -d "$job" ]; then
  [ -f "$base/$place/$file" ] || never_configured "$base/$place/$file"
  command -v setsid >/dev/null || problem no-setsid
  find_python
  check_version "$@"
  check_inputs
  if [ -n "$workspace" ]; then workspace=$(absolute "$workspace"); fi
  plain_view
  level=$1 phase=$2
  shift 2
  # Absolute: a relative one would be resolved through the link.
  set -- "$level" "$phase" "--mlcube=$base/$place/$file" ${workspace:+"--workspace=$workspace"} "$@"
  if make_job; then
    MLCUBE_SSH_JOB=$id MLCUBE_SSH_VARIABLES=$variables PYTHONUNBUFFERED=1
    export MLCUBE_SSH_JOB MLCUBE_SSH_VARIABLES PYTHONUNBUFFERED
    # On a line of its own, with none of this session's descriptors: it would hold the session open.
    setsid sh "$job/run" "$job" "$view" "$mask" "$base/$place" "$python" "$@" </dev/null >"$job/log" 2>&1 3<&- &
    prune
  fi
fi
follow_job "$job" 0
