//! The options of every ssh command, whatever the user's configuration says about the host.

/// Options for every ssh.
const ALWAYS: [&str; 8] = [
    // The user's RemoteCommand would run in place of the script.
    "RemoteCommand=none",
    // A remote terminal would change the bytes, and end what runs when it closes.
    "RequestTTY=no",
    // Forwarded ports that are in use already would end the session, or hold it open.
    "ClearAllForwardings=yes",
    "ForwardX11=no",
    // Local commands are meant for interactive logins.
    "PermitLocalCommand=no",
    // A task, and root on the host, could use the keys of the user's agent while the connection is open. A client of
    // the user's own master requests forwarding for each session anew, so the option has effect for it as well.
    "ForwardAgent=no",
    // A tunnel joins the host's network to the local one (ssh(1), -w).
    "Tunnel=no",
    // The user's Kerberos tickets would be stored on the host, where root can take them.
    "GSSAPIDelegateCredentials=no",
];

/// [`ALWAYS`] as words of a command line.
pub(crate) fn always() -> impl Iterator<Item = String> {
    ALWAYS.into_iter().flat_map(|option| ["-o".to_owned(), option.to_owned()])
}

/// Options for the login.
pub(crate) const LOGIN: [&str; 1] = [
    // The diagnosis reads ssh's messages: a quieter level has none, and banners come at this level.
    "LogLevel=INFO",
];

/// Options for sessions. For the master, `-f` and `-N` have the same meaning.
pub(crate) const SESSION: [&str; 5] = [
    // ssh's messages are parsed, or come between rsync's: this level has the reasons of failures, whatever the user's
    // level is, and no more.
    "LogLevel=ERROR",
    // The options below came with OpenSSH 8.7, and an older one would refuse their names; asking for the version would
    // start a process each time. Other options of the user's configuration were accepted at the login.
    "IgnoreUnknown=*",
    // Scripts come on standard input.
    "StdinNull=no",
    // Nobody would wait for a client in the background.
    "ForkAfterAuthentication=no",
    // `none` would run nothing, `subsystem` something else.
    "SessionType=default",
];
