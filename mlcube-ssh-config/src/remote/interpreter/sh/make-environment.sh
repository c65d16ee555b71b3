#!/bin/sh
# Makes sure that the python environment exists and is complete.
# Given:
#   kind                system or virtualenv
#   named_python        the name or path of a python
#   folder              that of the environment, or nothing
#   state_folder        that of the remote tree, which may not exist yet
#   start_mlcube        the text of start-mlcube.py
#   check_requirements  the text of requirements.py
# Words: the requirements.
# Replies:
#   changed               whether anything was
#   python                its path
#   mlcube                its version
#   gpus                  `plain` or `quoted`: how a list of GPUs must be passed
#   does TEXT             meanwhile: a line of pip
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # the client sets what is given

know_python
forget_variables
end_with_client
case $kind in
  system) system_python "$@" ;;
  *) virtual_environment "$@" ;;
esac
