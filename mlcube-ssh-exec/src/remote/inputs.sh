#!/bin/sh
# Ends with a problem unless every input is there with its type. Each line of MLCUBE_SSH_INPUTS is: whose path it
# is, kind, task.name, path. Variables in a path of the remote's own are expanded, as mlcube will: the rest of it is
# plain, the client has checked.
check_inputs() {
  while read -r whose kind name path; do
    [ -n "$path" ] || continue
    if [ "$whose" = own ]; then eval "path=\"$path\""; fi
    path=$(absolute "$path")
    case $kind in
      directory) [ -d "$path" ] || problem no-input "$kind $name $path" ;;
      file) [ -f "$path" ] || problem no-input "$kind $name $path" ;;
      *) [ -e "$path" ] || problem no-input "$kind $name $path" ;;
    esac
  done <<INPUTS
$MLCUBE_SSH_INPUTS
INPUTS
  unset MLCUBE_SSH_INPUTS
}
