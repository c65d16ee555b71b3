#!/bin/sh
# Prepares the machine on which a job runs: its own host, or a node of the cluster.
# shellcheck disable=SC2034,SC2154 # the scripts read view and shims, and set job, id, shim, base and workspace; `abandon`
# ends each of them

# Runs a command; if it fails, `words` is the last line of its output, which gives the cause.
with_words() {
  # Not for functions that set variables: the command runs in a subshell.
  words=$("$@" 2>&1) || {
    words=$(printf '%s\n' "$words" | tail -n 1)
    return 1
  }
}

# Reserves the space for the files that are written at the end of the job $1, so that a full disk doesn't lose them.
reserve_space() {
  printf '   \n' >"$1/status.new" && printf '%200s\n' '' >"$1/engine-failed.new" &&
    printf '%4000s\n' '' >"$1/cause.new" && printf '%200s\n' '' >"$1/log-missing.new" &&
    printf '%20s\n' '' >"$1/log-size.new" && printf '%80s\n' '' >"$1/ended-in.new" &&
    printf '%20s\n' '' >"$1/stopped.new"
}

# Sets `temporary` to a new folder for which the function $1 succeeds; else fails, with the last reason in `words`.
in_temporary() {
  # XDG_RUNTIME_DIR comes last: it is removed when the account's last session ends, and the job continues after that.
  for parent in /var/tmp "${TMPDIR:-}" /tmp "$HOME" "${XDG_RUNTIME_DIR:-}"; do
    [ -n "$parent" ] || continue
    with_words mktemp -d "$parent/mlcube-ssh.XXXXXX" || continue
    temporary=$words
    if with_words "$1" "$temporary"; then return 0; fi
    rm -rf "$temporary"
  done
  return 1
}

# Sets `view`, the folder in which mlcube finds the cube. mlcube passes paths to a shell unquoted, so a path with
# special characters is replaced by a link in a folder that exists as long as the job.
view=
plain_view() {
  case $base$workspace in *[!A-Za-z0-9._/+-]*) ;; *) return 0 ;; esac
  in_temporary put_links || abandon no-temporary "$words"
  view=$temporary
  printf '%s\n' "$view" >"$job/view"
  base=$view/tree
  if [ -n "$workspace" ]; then workspace=$view/workspace; fi
}

put_links() {
  case $1 in *[!A-Za-z0-9._/+-]*) echo "$1 has such characters, too" && return 1 ;; esac
  ln -s "$base" "$1/tree" && { [ -z "$workspace" ] || ln -s "$workspace" "$1/workspace"; }
}

# Writes the shim into the folder $1 under the names of all engines, and tests that the system runs it from that folder.
put_shim() {
  # It would split the entry of PATH.
  case $1 in *:*) return 1 ;; esac
  # Links would take a process each.
  for name in docker podman singularity apptainer; do printf '%s\n' "$shim" >"$1/$name" || return; done
  chmod 700 "$1"/* && [ "$("$1/docker" mlcube-ssh-shim "$id")" = "$id" ]
}

# Sets `shims`, the folder of the shim. On a file system mounted noexec no program can run, so the shim is put
# elsewhere. Without the shim a job's container couldn't be stopped, and would get no variables.
shims=
place_shims() {
  if put_shim "$job/bin" 2>/dev/null; then
    shims=$job/bin
    return 0
  fi
  in_temporary put_shim || abandon no-exec "$job/bin"
  shims=$temporary
  printf '%s\n' "$shims" >"$job/shims"
}
