#!/bin/sh
# Starts a job in a session of its own. A job that is there already is not started again: the answer to an earlier
# start was lost.
# $1 our own folder, $2 the job's id, $3 base, $4 the cube's place in it, $5 its file, $6 workspace (empty: the cube's
# own), $7 python, $8 settings for mlcube there (empty: the account's own), $9 the document, ${10} names of variables
# for the task, ${11} the runner of jobs, ${12} the engine's stand-in, ${13} what starts mlcube, ${14} who starts it (JSON),
# ${15} the workspace that is locked, ${16} what to do then: follow or detach, ${17} the longest log in bytes (0: any);
# then mlcube's words, of which the first two are its log level and its command.
# Given: gpus (the value of --gpus, if any); engine_there (docker or podman, or the path of one).
# Given: environment, the folder of the python that was made for mlcube, or nothing.
# Given: former_workspace, where an earlier version kept the workspace, or nothing.
# shellcheck disable=SC2154 # jobs.sh sets how and ticks, the prelude user_locale, the client what is given

state=$(absolute "$1") id=$2 base=$(absolute "$3") place=$4 file=$5 workspace=$6 python=$7
settings=$8 document=$9
shift 9
variables=$1 run=$2 engine=$3 launch=$4 about=$5 locked=$(absolute "$6") then=$7 limit=$8
shift 8
job=$state/jobs/$id
find_lock "$locked" "$state"
lock=$its_lock
check_own "$state" "$state/jobs" "$base"

never_configured() { problem never-configured "$1"; }

# Ends the script where the cube was never pushed, or was removed since.
need_cube() {
  its_file=$base/${place:+$place/}$file
  [ ! -f "$its_file" ] || return 0
  check_readable "${its_file%/*}"
  never_configured "$its_file"
}

# Leaves nothing of a job that can't start, and ends the script with this problem.
abandon() {
  [ -z "$view" ] || rm -rf "$view"
  [ -z "$shims" ] || rm -rf "$shims"
  give_lock_up "$lock" "$id"
  rm -rf "${job:?}"
  problem "$@"
}

# Runs a command; where it fails `words` are the last of what it says, which tell why.
with_words() {
  # Not for what sets variables: it runs in a subshell.
  words=$("$@" 2>&1) || {
    words=$(printf '%s\n' "$words" | tail -n 1)
    return 1
  }
}

# The folder in which mlcube finds the cube. It can't be given a path that a shell would take apart, so it goes through
# a link in a folder that lasts as long as the job.
view=
plain_view() {
  case $base$workspace in *[!A-Za-z0-9._/+-]*) ;; *) return 0 ;; esac
  with_words mktemp -d /tmp/mlcube-ssh.XXXXXX || abandon not-writable "/tmp: $words"
  view=$words
  printf '%s\n' "$view" >"$job/view"
  ln -s "$base" "$view/tree" || abandon not-writable "$view"
  base=$view/tree
  if [ -n "$workspace" ]; then
    ln -s "$workspace" "$view/workspace" || abandon not-writable "$view"
    workspace=$view/workspace
  fi
}

find_python() {
  case $python in
    */*) python=$(absolute "$python") ;;
    *) python=$(command -v "$python") || never_configured "$python" ;;
  esac
  [ -x "$python" ] || never_configured "$python"
  # It may have been made by another step, another machine or nobody that we know.
  if [ -n "$environment" ]; then check_own "$(absolute "$environment")"; else check_program "$python"; fi
}

# What the shim would refuse when the task begins.
check_gpus() {
  [ -n "$gpus" ] && ! name_devices "$gpus" || return 0
  if ignores_gpus "$engine_there"; then problem ignores-gpus "$gpus"; fi
}

# mlcube swallows --mount before 0.0.10.
check_version() {
  case " $* " in *' --mount='*) ;; *) return 0 ;; esac
  version=$("$python" -c 'from importlib.metadata import version; print(version("mlcube"))' 2>/dev/null)
  case $version in 0.0.[0-9]) problem swallows-mount "$version" ;; esac
}

# The job's folder, this process its leader until the job has one of its own. The room for what is written at its end is
# taken now: a full disk doesn't lose it.
make_job() {
  make_private "$state/jobs" && mkdir "$job" &&
    date '+%s' >"$job/started" &&
    printf '%s\n' "$locked" >"$job/workspace" &&
    printf '%s\n' "$about" >"$job/about" &&
    printf '%s\n' "$document" >"$job/document" &&
    printf '   \n' >"$job/status.new" &&
    printf '   \n' >"$job/engine-failed.new" &&
    printf '%4000s\n' '' >"$job/cause.new" &&
    printf '%200s\n' '' >"$job/log-missing.new" &&
    printf '%s\n' "$run" >"$job/run" &&
    printf '%s\n' "$launch" >"$job/launch.py" &&
    : >"$job/alive" &&
    : >"$job/log" &&
    lead "$job" || return
  [ -z "$settings" ] || printf '%s\n' "$settings" >"$job/settings.yaml"
}

# The lock and the job come into being together, for everybody who looks at them on this machine. Fails where the job is
# there by now: the reply to another session with the same id was lost, and the client asked again while both were at it.
take_workspace() {
  guard_locks "$state/locks" || problem not-writable "$state"
  if [ -d "$job" ]; then
    unguard_locks
    return 1
  fi
  # `clean` holds the guard while it removes the tree.
  need_cube
  take_lock "$lock" "$id"
  if ! with_words make_job; then
    rm -rf "${job:?}" "$lock"
    unguard_locks
    problem not-writable "$job: $words"
  fi
  unguard_locks
}

# Puts the shim for container engines into the folder $1 under all their names, and proves that the system runs it there.
put_shim() {
  printf '%s\n' "$engine" >"$1/docker" && chmod 700 "$1/docker" &&
    [ "$("$1/docker" mlcube-ssh-shim "$id")" = "$id" ] &&
    for name in podman singularity apptainer; do ln -s docker "$1/$name" || return; done
}

# Sets `shims`: where the shim is. On a file system mounted noexec no program can be run; then it is elsewhere. Without it
# a job's container couldn't be ended, and would get no variables.
shims=
place_shims() {
  # A colon would part the PATH.
  case $job in
    *:*) ;;
    *)
      if mkdir "$job/bin" && put_shim "$job/bin" 2>/dev/null; then
        shims=$job/bin
        return 0
      fi
      ;;
  esac
  # Last the one that is removed when the account's last session ends: the job goes on.
  for parent in /var/tmp "${TMPDIR:-}" /tmp "$HOME" "${XDG_RUNTIME_DIR:-}"; do
    case $parent in '' | *:*) continue ;; esac
    shims=$(mktemp -d "$parent/mlcube-ssh.XXXXXX" 2>/dev/null) || continue
    if put_shim "$shims" 2>/dev/null; then
      printf '%s\n' "$shims" >"$job/shims"
      return 0
    fi
    rm -rf "$shims"
  done
  shims=
  abandon no-exec "$job/bin"
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

# Until the job has a leader of its own: this session may be ended from then on. One that doesn't come is ended; of the
# job nothing is left.
wait_for_leader() {
  leads=$$ hundredths=3000
  while [ "$leads" = $$ ] && [ ! -f "$job/status" ]; do
    if [ "$hundredths" -le 0 ] || ! kill -0 "$starting" 2>/dev/null; then
      # It may have led and ended between the looks.
      read -r leads _ <"$job/leader"
      if [ "$leads" != $$ ] || [ -f "$job/status" ]; then break; fi
      kill -KILL "$starting" 2>/dev/null
      abandon no-leader "$(tail -n 1 "$job/log")"
    fi
    # It takes 20 ms, mostly.
    if [ "$hundredths" -gt 2990 ]; then
      sleep 0.01
      hundredths=$((hundredths - 1))
    else
      sleep 0.1
      hundredths=$((hundredths - 10))
    fi
    read -r leads _ <"$job/leader"
  done
}

# The last 20 jobs stay; those of which something runs stay too, and those of which nobody here can tell.
prune() {
  # Ids begin with the time, and a pattern is expanded in order.
  set -- "$state"/jobs/*
  while [ $# -gt 20 ]; do
    job_state "$1"
    case $how$why in
      running | elsewhere | unknown | lostremains | lostnamespace | *left) ;;
      *) remove_job "$1" ;;
    esac
    shift
  done
}

# Starts the job that take_workspace has made; mlcube's words follow.
start_job() {
  if [ -n "$workspace" ]; then workspace=$(absolute "$workspace"); fi
  place_shims
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
  setsid $scope sh "$job/run" "$job" "$lock" "$view" "$shims" "$mask" "$base/$place" "$python" "$limit" "$user_locale" \
    "$@" </dev/null >"$job/log" 2>&1 3<&- &
  starting=$!
  # What follows the job isn't part of it.
  unset MLCUBE_SSH_JOB
  wait_for_leader
  prune
}

if [ ! -d "$job" ]; then
  need_cube
  command -v setsid >/dev/null || problem no-setsid
  find_python
  check_version "$@"
  check_gpus
  # What runs there may be making the inputs.
  if is_held "$lock" "$id"; then refuse_locked; fi
  take_former_workspace "$locked" "$former_workspace" "$state" || refuse_locked
  check_inputs
  mask=$(umask)
  umask "$private"
  if take_workspace; then start_job "$@"; fi
fi
if [ "$then" = follow ]; then
  # From here on the client knows that there is a job.
  printf 'offset 0\n'
  follow_job "$job" 0
fi
tell_node "$job"
# One whose leader failed before mlcube hasn't started, whatever its status.
if [ "$how" = running ] || [ ! -f "$job/cause" ]; then
  printf 'started\n'
else
  follow_job "$job" 0
fi
