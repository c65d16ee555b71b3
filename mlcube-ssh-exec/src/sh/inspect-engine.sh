#!/bin/sh
# Collects facts about a failure of the container engine that a person can fix.
# Given:
#   failure  its kind
#   engine   its name or path
# Replies:
#   at PATH              where an interactive login shell finds the engine
#   docker-host ADDRESS  if only such a shell has it
#   other NAME           another engine on this host
#   stores FOLDER        where the engine keeps images and containers
# shellcheck disable=SC2154 # the client sets what is given

# Sets `their_path` and `their_host`: PATH and DOCKER_HOST of an interactive login shell, which reads start-up files
# that our session doesn't. Start-up files may run any program: the output goes to a file, because a program that they
# start could hold a pipe open, and the shell gets ten seconds.
ask_login_shell() {
  their_path='' their_host=''
  told=$(mktemp) || return 0
  ask='echo; echo mlcube-ssh-environment; env'
  case ${SHELL:=/bin/sh} in
    # csh accepts no other option beside -l, so its login file is read by name. It has no prompt unless its commands
    # come from standard input, and start-up files recognise an interactive shell by the prompt.
    *csh)
      printf '%s\n' "if ( -r ~/.login ) source ~/.login" "$ask" |
        timeout -s KILL 10 "$SHELL" -i >"$told" 2>/dev/null 3<&-
      ;;
    *) timeout -s KILL 10 "$SHELL" -lic "$ask" </dev/null >"$told" 2>/dev/null 3<&- ;;
  esac
  ours=
  while IFS= read -r line; do
    case $ours$line in
      mlcube-ssh-environment) ours=yes ;;
      yesPATH=*) their_path=${line#PATH=} ;;
      yesDOCKER_HOST=*) their_host=${line#DOCKER_HOST=} ;;
    esac
  done <"$told"
  rm -f "$told"
}

case $failure in
  not-found)
    ask_login_shell
    if found=$(PATH=${their_path:-/none} && command -v "$engine"); then printf 'at %s\n' "$found"; fi
    for other in docker podman; do
      if [ "$other" != "$engine" ] && command -v "$other" >/dev/null; then printf 'other %s\n' "$other"; fi
    done
    ;;
  daemon)
    ask_login_shell
    if [ -n "$their_host" ] && [ "$their_host" != "${DOCKER_HOST-}" ]; then printf 'docker-host %s\n' "$their_host"; fi
    ;;
  no-space)
    folder=$(engine_store "$engine" timeout -s KILL 10 "$engine")
    [ -z "$folder" ] || printf 'stores %s\n' "$folder"
    ;;
esac
