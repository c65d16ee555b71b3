//! The library of mlcube-ssh.
