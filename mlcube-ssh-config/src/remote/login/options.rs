//! What every ssh that we start is told, whatever the user's configuration says of the host.

/// Options for every ssh.
const ALWAYS: [&str; 8] = [
    // A command of the user's own would run in place of ours.
    "RemoteCommand=none",
    // A terminal there would change the bytes, and end what runs when it closes.
    "RequestTTY=no",
    // Forwarded ports that are taken already would end the session, or hold it open.
    "ClearAllForwardings=yes",
    "ForwardX11=no",
    // Local commands are for people's logins.
    "PermitLocalCommand=no",
    // A task would list and use the keys of the user's agent for as long as the connection is open, and root on the host
    // too. A client of a master of the user's own asks for each session anew, so it counts there as well.
    "ForwardAgent=no",
    // A tunnel joins the host's network to this machine's (ssh(1), -w).
    "Tunnel=no",
    // The user's Kerberos tickets would lie on the host, for root there to take.
    "GSSAPIDelegateCredentials=no",
];

/// [`ALWAYS`] as words of a command line.
pub(crate) fn always() -> impl Iterator<Item = String> {
    ALWAYS.into_iter().flat_map(|option| ["-o".to_owned(), option.to_owned()])
}

/// Options for the login.
pub(crate) const LOGIN: [&str; 1] = [
    // Why it failed is read from what it says: a quiet one says nothing, and a banner comes at this level.
    "LogLevel=INFO",
];

/// Options for sessions. The master has `-f` and `-N`, which say the same for it.
pub(crate) const SESSION: [&str; 5] = [
    // What it says is read, or stands among rsync's words: no less than why it failed, whatever the user's level is, and
    // no more.
    "LogLevel=ERROR",
    // The others came with OpenSSH 8.7, and an older one would refuse their names; to ask each time which one it is
    // would cost a process. What else the user's configuration holds has passed the login.
    "IgnoreUnknown=*",
    // Scripts come on standard input.
    "StdinNull=no",
    // A client in the background is a client that nobody waits for.
    "ForkAfterAuthentication=no",
    // `none` would run nothing, `subsystem` something else.
    "SessionType=default",
];
