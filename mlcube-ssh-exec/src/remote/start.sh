#!/bin/sh
# Starts a job in a session of its own. A job that is there already is not started again: the answer to an earlier
# start was lost.
# $1 our own folder, $2 the job's id, $3 base, $4 the cube's place in it, $5 its file, $6 workspace (empty: the cube's
# own), $7 python, $8 settings for mlcube there (empty: the account's own), $9 the document, ${10} names of variables
# for the task, ${11} the runner of jobs, ${12} the engine's stand-in, ${13} what starts mlcube, ${14} who starts it (JSON),
# ${15} the workspace that is locked, ${16} what to do then: follow or detach; then mlcube's words, of which the first two
# are its log level and its command.
# shellcheck disable=SC2154 # jobs.sh sets how

state=$(absolute "$1") id=$2 base=$(absolute "$3") place=$4 file=$5 workspace=$6 python=$7
settings=$8 document=$9
shift 9
variables=$1 run=$2 engine=$3 launch=$4 about=$5 locked=$(absolute "$6") then=$7
shift 7
job=$state/jobs/$id
lock=$(lock_of "$locked" "$state")

never_configured() { problem never-configured "$1"; }

# Leaves nothing of a job that can't start.
abandon() {
  give_lock_up "$lock" "$id"
  rm -rf "${job:?}"
  problem not-writable "$1"
}

# The folder in which mlcube finds the cube. It can't be given a path that a shell would take apart, so it goes through
# a link in a folder that lasts as long as the job.
view=
plain_view() {
  case $base$workspace in *[!A-Za-z0-9._/+-]*) ;; *) return 0 ;; esac
  view=$(mktemp -d /tmp/mlcube-ssh.XXXXXX) || abandon /tmp
  ln -s "$base" "$view/tree" || abandon "$view"
  base=$view/tree
  if [ -n "$workspace" ]; then
    ln -s "$workspace" "$view/workspace" || abandon "$view"
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

# The job's folder, this process its leader until the job has one of its own.
make_job() {
  mkdir -p "$state/jobs" && mkdir "$job" "$job/bin" &&
    date '+%s' >"$job/started" &&
    printf '%s\n' "$locked" >"$job/workspace" &&
    printf '%s\n' "$about" >"$job/about" &&
    printf '%s\n' "$document" >"$job/document" &&
    printf '   \n' >"$job/status.new" &&
    printf '%s\n' "$run" >"$job/run" &&
    printf '%s\n' "$launch" >"$job/launch.py" &&
    printf '%s\n' "$engine" >"$job/bin/docker" &&
    chmod 700 "$job/bin/docker" &&
    : >"$job/alive" &&
    : >"$job/log" &&
    lead "$job" || return
  for name in podman singularity apptainer; do ln -s docker "$job/bin/$name"; done
  [ -z "$settings" ] || printf '%s\n' "$settings" >"$job/settings.yaml"
}

# The lock and the job come into being together, for everybody who looks at them on this machine.
take_workspace() {
  guard_locks "$state/locks" || problem not-writable "$state"
  take_lock "$lock" "$id"
  if ! make_job; then
    rm -rf "${job:?}" "$lock"
    problem not-writable "$job"
  fi
  unguard_locks
}

# Some hosts end a user's processes at logout (logind.conf(5), KillUserProcesses); a scope of the user's own manager is
# spared, if that outlives the logout.
scope=
find_scope() {
  case $(loginctl show-session -p KillUserProcesses 2>/dev/null) in *=yes) ;; *) return 0 ;; esac
  case $(loginctl show-user "$(id -un)" -p Linger 2>/dev/null) in
    *=yes)
      scope='systemd-run --user --scope --quiet'
      $scope true 2>/dev/null && return 0
      scope=
      ;;
  esac
  printf 'warning %s\n' "$(uname -n) ends your processes when you log out, this job too when the connection closes; loginctl enable-linger there spares it"
}

# Until the job has a leader of its own: this session may be ended from then on.
wait_for_leader() {
  leads=$$ tenths=100
  while [ "$leads" = $$ ] && [ ! -f "$job/status" ] && [ "$tenths" -gt 0 ]; do
    sleep 0.1
    tenths=$((tenths - 1))
    read -r leads _ <"$job/leader"
  done
}

# The last 20 jobs stay; those that run stay too, and those of which nobody here can tell.
prune() {
  # Ids begin with the time, and hold neither blanks nor wildcards.
  # shellcheck disable=SC2012
  for old in $(ls "$state/jobs" | sort -r | tail -n +21); do
    job_state "$state/jobs/$old"
    case $how in running | elsewhere) ;; *) rm -rf "${state:?}/jobs/$old" ;; esac
  done
}

if [ ! -d "$job" ]; then
  [ -f "$base/$place/$file" ] || never_configured "$base/$place/$file"
  command -v setsid >/dev/null || problem no-setsid
  find_python
  check_version "$@"
  # What runs there may be making the inputs.
  if is_held "$lock" "$id"; then refuse_locked; fi
  check_inputs
  mask=$(umask)
  umask 077
  take_workspace
  if [ -n "$workspace" ]; then workspace=$(absolute "$workspace"); fi
  plain_view
  if [ -n "$settings" ]; then
    MLCUBE_SYSTEM_SETTINGS=$job/settings.yaml
    export MLCUBE_SYSTEM_SETTINGS
  fi
  find_scope
  level=$1 phase=$2
  shift 2
  # Absolute: a relative one would be resolved through the link.
  set -- "$level" "$phase" "--mlcube=$base/$place/$file" ${workspace:+"--workspace=$workspace"} "$@"
  MLCUBE_SSH_JOB=$id MLCUBE_SSH_VARIABLES=$variables PYTHONUNBUFFERED=1
  export MLCUBE_SSH_JOB MLCUBE_SSH_VARIABLES PYTHONUNBUFFERED
  # On a line of its own, with none of this session's descriptors: it would hold the session open.
  # shellcheck disable=SC2086 # words of our own
  setsid $scope sh "$job/run" "$job" "$lock" "$view" "$mask" "$base/$place" "$python" "$@" </dev/null >"$job/log" 2>&1 3<&- &
  # What follows the job isn't part of it.
  unset MLCUBE_SSH_JOB
  wait_for_leader
  prune
fi
if [ "$then" = follow ]; then follow_job "$job" 0; fi
printf 'started\n'
