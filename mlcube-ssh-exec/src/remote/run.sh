#!/bin/sh
# Runs a job to its end and writes its status. This process leads the job's session.
# $1 the job's folder, $2 its workspace's lock, $3 its view of the cube (empty: none), $4 umask, $5 the cube, $6 python,
# then mlcube's words.
# shellcheck disable=SC2154 # know_this_machine sets this_host, this_boot and this_space

job=$1 lock=$2 view=$3 mask=$4 cube=$5 python=$6
shift 6

# Its room was taken when the job was made: a full disk doesn't lose it.
end() {
  umask 077
  [ -z "$view" ] || rm -rf "$view"
  rm -rf "${job:?}/bin"
  give_lock_up "$lock" "${job##*/}"
  printf '%s\n' "$1" 1<>"$job/status.new"
  mv -f "$job/status.new" "$job/status"
  exit
}

# What is to be known of the job, with the document that started it.
describe() {
  know_this_machine
  read -r started <"$job/started"
  {
    printf '{"job": "%s", "host": "%s", "boot": "%s", "pid_namespace": "%s", "pid": %s, "start": %s, "started": %s, ' \
      "${job##*/}" "${this_host%%/*}" "$this_boot" "$this_space" "$$" "$(start_of $$)" "$started"
    printf '"about": %s, "document": %s}\n' "$(cat "$job/about")" "$(cat "$job/document")"
  } >"$job/job.json.new" && mv -f "$job/job.json.new" "$job/job.json" && rm "$job/document"
}

umask 077
if ! { exec 8>"$job/alive" && flock 8 && describe && lead "$job"; }; then
  printf "can't write in %s\n" "$job" >"$job/cause"
  end 125
fi

MLCUBE_SSH_JOB_FOLDER=$job
PATH=$job/bin:$PATH
export MLCUBE_SSH_JOB_FOLDER PATH
umask "$mask"
cd "$cube" || end 1

"$python" -W ignore::DeprecationWarning "$job/launch.py" "$@" 8>&-
status=$?

# A container whose engine was killed goes on; one that ended went by itself.
if [ "$status" -ne 0 ] && [ -f "$job/engine" ]; then
  PATH=${PATH#*:}
  engine=$(cat "$job/engine")
  containers=$("$engine" ps -aq --filter "label=mlcube-ssh.job=$MLCUBE_SSH_JOB" 2>/dev/null 8>&-)
  # shellcheck disable=SC2086 # a list of ids
  [ -z "$containers" ] || "$engine" rm -f $containers >/dev/null 2>&1 8>&-
fi
end "$status"
