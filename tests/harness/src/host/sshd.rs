//! A throw-away ssh server on loopback: OpenSSH's, or dropbear.

use std::fs;
use std::fs::{File, Permissions};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::host::system;
use crate::host::system::System;
use crate::program::{am_root, command, must};
use crate::wait::eventually;
use crate::{Processes, Root, program};

/// A running sshd with a host key, a log and a port of its own.
#[derive(Debug)]
pub struct Sshd {
    folder: PathBuf,
    port: u16,
    daemon: Option<Child>,
    system: Option<System>,
    root: Option<Root>,
    is_dropbear: bool,
}

impl Sshd {
    /// Starts one that lets in whoever has the key whose public half is `identity`.
    ///
    /// `environment` is what the sessions get over sshd's own (HOME too); `config` are further lines of its
    /// configuration, which win over the ones here: sshd takes the first value of an option. With a `system` of its own
    /// it is that system's first process.
    pub(crate) fn start(
        folder: PathBuf,
        identity: &Path,
        environment: &[(String, String)],
        config: &[String],
        system: Option<System>,
        root: Option<Root>,
    ) -> Sshd {
        fs::create_dir_all(&folder).unwrap();
        fs::copy(identity, folder.join("authorized_keys")).unwrap();
        new_key(&folder.join("hostkey"));
        let mut sshd = Sshd { folder, port: 0, daemon: None, system, root, is_dropbear: false };
        let variables: Vec<String> =
            environment.iter().map(|(name, value)| format!("\"{name}={value}\"")).collect();
        let at = sshd.folder.display();
        let lines = format!(
            "{extra}\nListenAddress 127.0.0.1\nHostKey {at}/hostkey\nPidFile none\nLogLevel VERBOSE\nUsePAM no\n\
             StrictModes no\nPrintMotd no\nPrintLastLog no\nAuthorizedKeysFile {at}/authorized_keys\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin yes\n{startups}\nUseDNS no\nSetEnv {variables}\n",
            extra = config.join("\n"),
            variables = variables.join(" "),
            // Of this option sshd takes the last value.
            startups = if config.iter().any(|line| line.starts_with("MaxStartups ")) {
                ""
            } else {
                "MaxStartups 100"
            },
        );
        fs::write(sshd.folder.join("sshd_config"), lines).unwrap();
        sshd.listen_on_a_free_port();
        sshd
    }

    /// Starts a dropbear in a root, which it needs: it has no other place for keys than the home folder.
    pub(crate) fn start_dropbear(
        folder: PathBuf,
        identity: &Path,
        environment: &[(String, String)],
        root: Option<Root>,
    ) -> Sshd {
        let home = folder.join("account");
        let keys = home.join(".ssh");
        fs::create_dir_all(&keys).unwrap();
        // It wants that nobody else can write there.
        for private in [&home, &keys] {
            fs::set_permissions(private, Permissions::from_mode(0o700)).unwrap();
        }
        fs::copy(identity, keys.join("authorized_keys")).unwrap();
        let key = folder.join("hostkey");
        let made = must(command("dropbearkey").args(["-t", "ed25519", "-f"]).arg(&key));
        let public = made.lines().find(|line| line.starts_with("ssh-ed25519 ")).unwrap();
        fs::write(folder.join("hostkey.pub"), format!("{public}\n")).unwrap();
        // Its sessions get nothing of its own environment.
        let variables: Vec<String> =
            environment.iter().map(|(name, value)| format!("export {name}='{value}'")).collect();
        let session =
            format!("{}\ncd \"$HOME\"\nexec sh -c \"$SSH_ORIGINAL_COMMAND\"", variables.join("\n"));
        program::write(&folder.join("session"), &session);
        // All of the home folder: the login shell reads its start-up files, which are this machine's own business and
        // may wait for each other (pyenv's take a lock at each login).
        let root = root.map(|root| root.with_home(&home));
        let mut sshd =
            Sshd { folder, port: 0, daemon: None, system: None, root, is_dropbear: true };
        sshd.listen_on_a_free_port();
        sshd
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How often somebody logged in.
    pub fn logins(&self) -> usize {
        ["Accepted publickey for ", "Accepted password for ", "Pubkey auth succeeded for "]
            .iter()
            .map(|words| self.log().matches(words).count())
            .sum()
    }

    /// How many commands were started by those who logged in; dropbear doesn't tell.
    pub fn sessions(&self) -> usize {
        self.log().matches("Starting session: ").count()
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The line of a `known_hosts` file for it.
    pub fn known_hosts(&self) -> String {
        format!(
            "[127.0.0.1]:{} {}",
            self.port,
            fs::read_to_string(self.folder.join("hostkey.pub")).unwrap()
        )
    }

    /// Comes back on the same port with another host key: somebody else's machine, for all that a client knows.
    pub fn changes_its_host_key(&mut self) {
        self.stop();
        fs::remove_file(self.folder.join("hostkey")).unwrap();
        new_key(&self.folder.join("hostkey"));
        self.comes_back();
    }

    /// Ends it and the connections that it serves; what was started in their sessions goes on, except in a system of
    /// its own, which ends as by a power cut.
    pub fn stop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let connections = Processes::below(daemon.id()).with(self.program());
            let _gone_already = daemon.kill();
            daemon.wait().unwrap();
            connections.kill();
        }
    }

    /// Listens again, on the same port.
    pub fn comes_back(&mut self) {
        assert!(self.listen(), "{}", self.log());
    }

    /// Runs a line of sh as root in the system of its own, and gives its standard output.
    pub fn in_its_system(&self, line: &str) -> String {
        assert!(self.system.is_some(), "the machine's own system is everybody's");
        must(system::inside(self.daemon.as_ref().unwrap().id()).args(["sh", "-c", line]))
    }

    /// The processes that serve a connection.
    pub fn connections(&self) -> Processes {
        Processes::below(self.daemon.as_ref().unwrap().id()).with(self.program())
    }

    fn program(&self) -> &'static str {
        if self.is_dropbear { "dropbear" } else { "sshd" }
    }

    /// Between asking for a free port and using it, another test may take it.
    fn listen_on_a_free_port(&mut self) {
        for _ in 0..20 {
            self.port =
                TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            if self.listen() {
                return;
            }
        }
        panic!("sshd doesn't start: {}", self.log());
    }

    fn listen(&mut self) -> bool {
        if am_root() {
            // Debian makes it when the service starts.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let before = self.log().len();
        let log = File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        // It dies with the thread of the test, even when the test is killed and nothing is dropped.
        let mut daemon = command("setpriv");
        daemon.args(["--pdeathsig", "KILL"]);
        if let Some(system) = &self.system {
            let enter = system.first_process(&self.folder.join("system"));
            daemon.arg(enter.get_program()).args(enter.get_args());
        }
        if let Some(root) = &self.root {
            let (enter, words) = root.enter();
            daemon.arg(enter).args(words);
        }
        if self.is_dropbear {
            daemon.args(["/usr/sbin/dropbear", "-F", "-E", "-r"]).arg(self.folder.join("hostkey"));
            daemon.arg("-c").arg(self.folder.join("session"));
            daemon.args(["-p", &format!("127.0.0.1:{}", self.port)]);
        } else {
            daemon.args(["/usr/sbin/sshd", "-D", "-e", "-p", &self.port.to_string(), "-f"]);
            daemon.arg(self.folder.join("sshd_config"));
        }
        let mut daemon = daemon.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut listens = false;
        eventually("the ssh server listens or ends", || {
            listens = if self.is_dropbear {
                TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
            } else {
                self.log()[before..].contains("Server listening on")
            };
            listens || daemon.try_wait().unwrap().is_some()
        });
        self.daemon = Some(daemon);
        listens
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes a key pair without a passphrase.
pub(crate) fn new_key(path: &Path) {
    must(
        command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path),
    );
}
