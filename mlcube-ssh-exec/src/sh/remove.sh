#!/bin/sh
# Removes what is ours. Given: owner, the id of the one that asks; former_owner, that which an earlier version gave it; adopt,
# yes if what another one has pushed is to go, too. After the words of belongings.sh: the newest job that the client knows of; then what to remove:
# containers, jobs, partial, tree, workspace, own/NAME, replaced, environment.
# No job starts meanwhile. Answers: a line `removed KIND PATH` or `kept KIND WHY PATH` each, behind one that was denied
# `closed OWNER PATH` of what can't be removed; or problem.
# shellcheck disable=SC2154 # the client sets what is given, belongings.sh the folders, find_busy busy

newest=$1
shift
[ -d "$state" ] || [ "$*" = environment ] || problem nothing
case ${there%% *} in
  '' | "$owner" | "$former_owner") ;;
  *) [ "$adopt" = yes ] || [ "$*" = environment ] || problem other-owner "$there" ;;
esac
if [ -d "$state" ]; then
  guard_locks "$state/locks" || problem not-writable "$state"
  # For a push that gets no answer from the lock.
  : >"$state/locks/removing"
fi
[ "$(newest_job)" = "$newest" ] || problem changed

# Removes $2, which leads to the folder $3 where it is a link that goes with that, and only with it.
remove() {
  itself=${3:-$2}
  [ -e "$2" ] || [ -L "$2" ] || return 0
  rm -rf "$itself" 2>/dev/null || {
    # A task may have closed folders that are ours.
    find "$itself" -type d ! -perm -700 -exec chmod u+rwx '{}' ';' 2>/dev/null
    rm -rf "$itself"
  }
  if [ ! -e "$itself" ] && rm -f "$2" && [ ! -L "$2" ]; then
    printf 'removed %s %s\n' "$1" "$2"
    return
  fi
  printf 'kept %s denied %s\n' "$1" "$2"
  closed=$(find "$itself" ! -user "$(id -u)" 2>/dev/null | head -n 1)
  closed=${closed:-$itself}
  printf 'closed %s %s\n' "$(stat -c %U "$closed" 2>/dev/null)" "$closed"
}

# Whether a push is under way, from any machine; then `busy` says so. It fills the tree, a workspace and what is kept aside.
find_push() {
  for push in "$state"/incoming/*; do
    [ -d "$push" ] || continue
    if is_held_incoming "$push"; then
      busy=push
      return 0
    fi
  done
  return 1
}

# Removes $2, with $3 as remove has it, unless a push or one of all the jobs is at it.
remove_unless_filled() {
  if find_push || find_busy "$state"/jobs/*; then
    printf 'kept %s %s %s\n' "$1" "$busy" "$2"
  else
    drop_incoming
    remove "$@"
  fi
}

# Removes what pushes that don't live have left on its way, before the place where it belongs: a push that has lost its
# session for a moment sees by that that it can't go on.
drop_incoming() { rm -rf "$state"/incoming/*; }

# Removes $2 unless one of the jobs that follow runs.
remove_unless_busy() {
  kind=$1 path=$2
  shift 2
  if find_busy "$@"; then printf 'kept %s %s %s\n' "$kind" "$busy" "$path"; else remove "$kind" "$path"; fi
}

# A workspace is in use by the jobs that were started in it; which one a push fills, nobody here knows.
remove_workspace() {
  busy=
  find_push || :
  for job in "$state"/jobs/*; do
    [ "$(cat "$job/workspace" 2>/dev/null)" = "$2" ] || continue
    if [ -n "$busy" ] || find_busy "$job"; then break; fi
  done
  if [ -n "$busy" ]; then
    printf 'kept %s %s %s\n' "$1" "$busy" "$2"
  else
    drop_incoming
    remove "$1" "$2"
  fi
}

remove_jobs() {
  for job in "$state"/jobs/*; do
    [ -d "$job" ] || continue
    if find_busy "$job"; then
      printf 'kept job %s %s\n' "$busy" "$job"
    else
      remove_job "$job"
      if [ -e "$job" ]; then remove job "$job"; else printf 'removed job %s\n' "$job"; fi
    fi
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
      remove_unless_filled tree "$base" "$real"
      [ -e "$base" ] || rmdir "$state/incoming" 2>/dev/null
      ;;
    workspace) if is_our_tree && is_in_tree; then remove_workspace workspace "$workspace"; fi ;;
    own/*) remove_workspace own "$state/workspaces/${what#own/}" ;;
    partial)
      find "$base/" "$state/workspaces/" -type d -name .mlcube-ssh-partial -prune 2>/dev/null |
        while read -r partial; do
          if find_push; then printf 'kept partial push %s\n' "$partial"; else remove partial "$partial"; fi
        done
      ;;
    replaced) if find_push; then printf 'kept replaced push %s\n' "$state/replaced"; else remove replaced "$state/replaced"; fi ;;
    # Other cubes may use it.
    environment)
      if is_our_environment; then remove_unless_busy environment "$environment" "${state%/*}"/*/jobs/*; fi
      ;;
  esac
done

rm -f "$state/locks/removing"
# With nothing left but what keeps cubes of one name apart, the name is free again.
if find_push; then exit 0; fi
rmdir "$state/workspaces" "$state/jobs" 2>/dev/null
for left in "$base" "$state/workspaces" "$state/jobs" "$state/replaced"; do
  if [ -e "$left" ]; then exit 0; fi
done
rm -rf "$state"
exit 0
