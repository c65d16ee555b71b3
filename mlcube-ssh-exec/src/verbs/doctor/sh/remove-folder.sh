#!/bin/sh
# Removes the folder of a transfer.
# Given:
#   kept  the folder, which doctor.sh has made
# shellcheck disable=SC2154 # the client sets what is given

rm -rf "${kept:?}"
