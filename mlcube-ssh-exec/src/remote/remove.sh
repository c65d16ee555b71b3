#!/bin/sh
# Removes what is ours. After the words of belongings.sh: the newest job that the client knows of; then what to remove:
# containers, jobs, partial, tree, workspace, own/NAME, replaced, environment.
# No job starts meanwhile. Answers: a line `removed KIND PATH` or `kept KIND WHY PATH` each, behind one that was denied
# `closed OWNER PATH` of what can't be removed; or problem.
# shellcheck disable=SC2154 # belongings.sh sets the folders, find_busy sets busy

newest=$1
shift
[ -d "$state" ] || [ "$*" = environment ] || problem nothing
if [ -d "$state" ]; then guard_locks "$state/locks" || problem not-writable "$state"; fi
[ "$(newest_job)" = "$newest" ] || problem changed

remove() {
  [ -e "$2" ] || [ -L "$2" ] || return 0
  rm -rf "$2" 2>/dev/null || {
    # A task may have closed folders that are ours.
    find "$2" -type d ! -perm -700 -exec chmod u+rwx '{}' ';' 2>/dev/null
    rm -rf "$2"
  }
  if [ ! -e "$2" ]; then
    printf 'removed %s %s\n' "$1" "$2"
    return
  fi
  printf 'kept %s denied %s\n' "$1" "$2"
  closed=$(find "$2" ! -user "$(id -u)" 2>/dev/null | head -n 1)
  closed=${closed:-$2}
  printf 'closed %s %s\n' "$(stat -c %U "$closed" 2>/dev/null)" "$closed"
}

# Removes $2 unless one of the jobs that follow runs.
remove_unless_busy() {
  kind=$1 path=$2
  shift 2
  if find_busy "$@"; then printf 'kept %s %s %s\n' "$kind" "$busy" "$path"; else remove "$kind" "$path"; fi
}

# A workspace is in use by the jobs that were started in it.
remove_workspace() {
  busy=
  for job in "$state"/jobs/*; do
    [ "$(cat "$job/workspace" 2>/dev/null)" = "$2" ] || continue
    if find_busy "$job"; then break; fi
  done
  if [ -n "$busy" ]; then printf 'kept %s %s %s\n' "$1" "$busy" "$2"; else remove "$1" "$2"; fi
}

remove_jobs() {
  for job in "$state"/jobs/*; do
    [ -d "$job" ] || continue
    remove_unless_busy job "$job" "$job"
  done
}

remove_containers() {
  for job in "$state"/jobs/*; do
    [ -d "$job" ] || continue
    for container in $(containers_of "$job"); do
      if runs "$job"; then
        printf 'kept container %s %s\n' "${job##*/}" "$container"
      elif ask_engine "$job" rm -f -v "$container" >/dev/null 2>&1; then
        printf 'removed container %s\n' "$container"
      else
        printf 'kept container denied %s\n' "$container"
      fi
    done
  done
}

for what; do
  case $what in
    containers) remove_containers ;;
    jobs) remove_jobs ;;
    tree)
      is_our_tree || continue
      # A link of the account's own leads to it.
      if [ -L "$base" ] && ! find_busy "$state"/jobs/*; then rm -rf "$real"; fi
      remove_unless_busy tree "$base" "$state"/jobs/*
      # What was on its way to it.
      for push in "$state"/incoming/*; do
        [ -e "$base" ] || is_held_incoming "$push" || rm -rf "$push"
      done
      [ -e "$base" ] || rmdir "$state/incoming" 2>/dev/null
      ;;
    workspace) if is_our_tree && is_in_tree; then remove_workspace workspace "$workspace"; fi ;;
    own/*) remove_workspace own "$state/workspaces/${what#own/}" ;;
    partial)
      find "$base/" "$state/workspaces/" -type d -name .mlcube-ssh-partial -prune 2>/dev/null |
        while read -r partial; do remove partial "$partial"; done
      ;;
    replaced) remove replaced "$state/replaced" ;;
    # Other cubes may use it.
    environment)
      if is_our_environment; then remove_unless_busy environment "$environment" "${state%/*}"/*/jobs/*; fi
      ;;
  esac
done

# With nothing left but what keeps cubes of one name apart, the name is free again.
rmdir "$state/workspaces" "$state/jobs" 2>/dev/null
for left in "$base" "$state/workspaces" "$state/jobs" "$state/replaced"; do
  if [ -e "$left" ]; then exit 0; fi
done
rm -rf "$state"
exit 0
