#!/bin/sh
# shellcheck disable=SC2154 # the script has find_text before this

# The scripts list folders with GNU find's -printf, -readable and similar predicates. Where find lacks them (busybox),
# Python, which mlcube needs on the remote anyway, runs find.py: `find_python` is the interpreter, and empty where find
# suffices. A program counts only once it has listed something: that of pyenv or conda may be unable to start, and its
# empty output would look like an empty folder.
know_find() {
  [ -z "${find_is_known-}" ] || return 0
  find_python=
  if ! can_list command find; then
    for find_python in python3 python ''; do
      [ -n "$find_python" ] || problem no-find
      ! can_list "$find_python" -E -c "$find_text" || break
    done
  fi
  find_is_known=yes
}

can_list() { [ "$("$@" / -maxdepth 0 -readable -printf listed 2>/dev/null)" = listed ]; }

find() {
  know_find
  if [ -z "$find_python" ]; then
    command find "$@"
  else
    "$find_python" -E -c "$find_text" "$@"
  fi
}
