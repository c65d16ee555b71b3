#!/bin/sh
# Runs a job to its end and writes its status. This process leads the job's session.
# $1 the job's folder, $2 its view of the cube (empty: none), $3 umask, $4 the cube, $5 python, then mlcube's words.

job=$1 view=$2 mask=$3 cube=$4 python=$5
shift 5

# Who leads the job: a pid alone may be another's later.
printf '%s %s\n' "$$" "$(cut -d ' ' -f 22 /proc/$$/stat)" >"$job/leader.new" && mv "$job/leader.new" "$job/leader"

MLCUBE_SSH_JOB_FOLDER=$job
PATH=$job/bin:$PATH
export MLCUBE_SSH_JOB_FOLDER PATH
umask "$mask"
cd "$cube" || exit

"$python" -W ignore::DeprecationWarning "$job/launch.py" "$@"
status=$?
umask 077

# A container whose engine was killed goes on; one that ended went by itself.
if [ "$status" -ne 0 ] && [ -f "$job/engine" ]; then
  PATH=${PATH#*:}
  engine=$(cat "$job/engine")
  containers=$("$engine" ps -aq --filter "label=mlcube-ssh.job=$MLCUBE_SSH_JOB" 2>/dev/null)
  # shellcheck disable=SC2086 # a list of ids
  [ -z "$containers" ] || "$engine" rm -f $containers >/dev/null 2>&1
fi

[ -z "$view" ] || rm -rf "$view"
rm -rf "${job:?}/bin"
printf '%s\n' "$status" >"$job/status.new" && mv "$job/status.new" "$job/status"
