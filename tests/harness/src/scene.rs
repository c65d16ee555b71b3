//! A user's machine and a remote host that it knows.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::host::SESSION_MARK;
use crate::host::sshd::new_key;
use crate::program::{PATH, built, repository};
use crate::{
    Account, Cube, Document, Host, HostOptions, Invocation, Outcome, Place, Processes, Python,
    Root, program,
};

/// The password of a scene that has one.
const PASSWORD: &str = "open sesame";

/// A second factor of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// A password that counts once, and nothing else.
    OneTimePassword,
    /// A question to a phone, after the key: nothing is asked at the terminal.
    Push,
}

/// Gives a system a PAM module that counts: for a login with a password it is an attempt to give one, for a login with
/// a key a push.
const COUNTING_MODULE: &str = r#"cat >/usr/local/sbin/second-factor <<'END'
#!/bin/sh
case $PAM_TYPE in
  # sshd has checked the password before it looks at the account.
  account) grep -qs "^auth" /var/attempts || echo push >>/var/attempts ;;
  auth)
    code=$(tr -d '\000')
    echo "auth $code" >>/var/attempts
    case $code in code-*) ;; *) exit 1 ;; esac
    # It has counted before.
    ! grep -qxs "$code" /var/codes && echo "$code" >>/var/codes
    ;;
esac
END
chmod 755 /usr/local/sbin/second-factor
cat >/etc/pam.d/sshd <<'END'
auth required pam_exec.so expose_authtok quiet /usr/local/sbin/second-factor
auth required pam_permit.so
account required pam_exec.so quiet /usr/local/sbin/second-factor
session required pam_permit.so
END"#;

/// The user's home with an ssh configuration, a key, and a settings file whose platform `gpu1` is the host `there`.
#[derive(Debug)]
pub struct Scene {
    /// The remote host, which ssh calls `there`.
    pub host: Host,
    settings: Value,
    variables: Vec<(String, String)>,
    home: PathBuf,
    root: Option<Root>,
    place: Place,
}

impl Scene {
    /// The usual one.
    pub fn new() -> Scene {
        Scene::with(HostOptions::default())
    }

    /// One with an unusual host.
    pub fn with(options: HostOptions) -> Scene {
        Scene::at(Place::new(), options)
    }

    /// One in a place where something is already: a user's home, say.
    pub fn at(place: Place, options: HostOptions) -> Scene {
        let home = place.folder("here");
        for name in [".ssh", "bin", "io", "run"] {
            fs::create_dir_all(home.join(name)).unwrap();
            fs::set_permissions(home.join(name), fs::Permissions::from_mode(0o700)).unwrap();
        }
        installed(&home.join("bin"));
        new_key(&home.join(".ssh/id"));
        let host = Host::start(&place, &home.join(".ssh/id.pub"), options);
        let mut scene =
            Scene { settings: Value::Null, variables: Vec::new(), host, home, root: None, place };
        scene.settings = scene.usual_settings();
        scene.write_settings();
        scene.knows_the_host_key();
        scene.has_ssh_config("");
        scene.has_program(
            "ssh",
            &format!("exec /usr/bin/ssh -F '{}' \"$@\"", scene.home.join(".ssh/config").display()),
        );
        scene
    }

    /// One whose remote user is an ordinary one, who owns `remote_root`; none where no users can be made. The user goes
    /// when the scene has gone.
    pub fn with_an_ordinary_user() -> Option<(Account, Scene)> {
        let place = Place::new();
        let account = Account::with_shell(&place.folder("homes"), "sh")?;
        let scene = Scene::at(place, HostOptions::default().account(&account));
        fs::create_dir_all(scene.host.remote_root()).unwrap();
        account.owns(&scene.host.remote_root());
        Some((account, scene))
    }

    /// One whose remote user logs in with a password and nothing else; the program [`Scene::askpass`] tells it. None
    /// where no users can be made.
    pub fn with_a_password() -> Option<(Account, Scene)> {
        let place = Place::new();
        let account = Account::with_shell(place.path(), "sh")?;
        account.has_password(PASSWORD);
        let options = HostOptions::default()
            .account(&account)
            .config("PasswordAuthentication yes")
            .config("AuthenticationMethods password");
        let mut scene = Scene::at(place, options);
        scene.set("/remote_root", "cubes");
        scene.has_program("askpass", "echo \"$1\" >>\"$HOME/asked\"; cat \"$HOME/answer\"");
        scene.answers(PASSWORD);
        Some((account, scene))
    }

    /// One whose remote user has a second factor, which PAM asks for or pushes; a module counts ([`Scene::factors`]). The
    /// program [`Scene::askpass`] tells the next one-time password. None where no users can be made.
    pub fn with_a_second_factor(factor: SecondFactor) -> Option<(Account, Scene)> {
        let place = Place::new();
        let account = Account::with_shell(&place.folder("homes"), "sh")?;
        let options = HostOptions::default().own_system("login1").account(&account);
        let options = match factor {
            SecondFactor::OneTimePassword => options
                .config("KbdInteractiveAuthentication yes")
                .config("AuthenticationMethods keyboard-interactive"),
            SecondFactor::Push => options,
        };
        let mut scene = Scene::at(place, options.config("UsePAM yes"));
        scene.set("/remote_root", "cubes");
        scene.host.sshd.in_its_system(COUNTING_MODULE);
        let ask = "echo \"$1\" >>\"$HOME/asked\"; echo \"code-$(wc -l <\"$HOME/asked\")\"";
        scene.has_program("askpass", ask);
        scene.has_variable("SSH_ASKPASS", &scene.askpass().display().to_string());
        Some((account, scene))
    }

    /// How often the host asked for a second factor, or pushed one.
    pub fn factors(&self) -> usize {
        let attempts = self.host.sshd.in_its_system("cat /var/attempts 2>/dev/null || :");
        attempts.lines().count()
    }

    /// The program that answers ssh's question for the password, once it is named in `SSH_ASKPASS`.
    pub fn askpass(&self) -> PathBuf {
        self.home.join("bin/askpass")
    }

    /// Lets that program answer so from now on.
    pub fn answers(&self, answer: &str) {
        fs::write(self.home.join("answer"), format!("{answer}\n")).unwrap();
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        fs::read_to_string(self.home.join("asked")).unwrap_or_default().lines().count()
    }

    /// The user's home folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The temporary folder of all of it.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// A new cube in the user's home, built from its own folder.
    pub fn cube(&self, name: &str) -> Cube {
        Cube::new(&self.home.join(name))
    }

    /// One of the tools, by its name.
    pub fn tool(&self, name: &str) -> Invocation {
        assert!(built().join(name).exists(), "{name} isn't built; first: cargo build --workspace");
        self.invocation(&self.home.join("bin").join(name))
    }

    /// Pushes with these words.
    pub fn push(&self, document: &Document, words: &[&str]) -> Outcome {
        self.tool("mlcube-ssh-push").args(words).reads_document(document).run()
    }

    /// Pulls with these words.
    pub fn pull(&self, document: &Document, words: &[&str]) -> Outcome {
        self.tool("mlcube-ssh-pull").args(words).reads_document(document).run()
    }

    /// Runs a verb of `mlcube-ssh-exec` with these words.
    pub fn exec(&self, document: &Document, words: &[&str]) -> Outcome {
        self.tool("mlcube-ssh-exec").args(words).reads_document(document).run()
    }

    /// One of the tools run by an ordinary user, who needs to own this home.
    pub fn tool_as(&self, account: &Account, name: &str) -> Invocation {
        // Not everybody can enter the folder where it was built.
        let program = self.home.join("bin").join(format!("{name}.copy"));
        if !program.exists() {
            fs::copy(built().join(name), &program).unwrap();
        }
        let user = ["--reuid", account.name(), "--regid", account.name(), "--clear-groups"];
        self.invocation(Path::new("/usr/bin/setpriv")).args(user).arg(program)
    }

    /// The wrapper.
    pub fn mlcube_ssh(&self, words: &[&str]) -> Invocation {
        self.invocation(&self.home.join("bin/mlcube-ssh")).args(words)
    }

    /// A line of sh, as the user would type it; the tools are in its PATH.
    pub fn sh(&self, line: &str) -> Invocation {
        self.invocation(Path::new("/bin/sh")).args(["-c", line])
    }

    /// The same at a terminal; what the line writes anywhere comes out as standard output.
    pub fn sh_at_a_terminal(&self, line: &str) -> Invocation {
        self.invocation(Path::new("/usr/bin/script")).args([
            "--quiet",
            "--return",
            "--command",
            line,
            "/dev/null",
        ])
    }

    /// Any program, in the user's environment.
    pub fn invocation(&self, program: &Path) -> Invocation {
        let path = format!("{}:{PATH}", self.home.join("bin").display());
        let io = self.home.join("io");
        let started = match &self.root {
            Some(root) => {
                let (enter, words) = root.enter();
                Invocation::new(enter, &io).args(words).arg(program)
            }
            None => Invocation::new(program, &io),
        };
        let usual = started
            .in_folder(&self.home)
            .env("HOME", &self.home)
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .env("SHELL", "/bin/sh")
            .env("XDG_RUNTIME_DIR", self.home.join("run"));
        self.variables.iter().fold(usual, |invocation, (name, value)| invocation.env(name, value))
    }

    /// The document that `mlcube-ssh-config` writes for a cube, with further arguments.
    pub fn document(&self, cube: &Cube, words: &[&str]) -> Document {
        let config = self
            .tool("mlcube-ssh-config")
            .args(["--platform", "gpu1", "--mlcube"])
            .arg(cube.root())
            .args(words);
        config.run().succeeds().document()
    }

    /// The document of a cube that is set up on the host: python is there, its files are, and its image.
    pub fn configured(&self, cube: &Cube, words: &[&str]) -> Document {
        let mut document = self.document(cube, words);
        for (tool, verb) in [
            ("mlcube-ssh-interp", None),
            ("mlcube-ssh-push", None),
            ("mlcube-ssh-exec", Some("configure")),
        ] {
            document =
                self.tool(tool).args(verb).reads_document(&document).run().succeeds().document();
        }
        document
    }

    /// Puts a program, lines of sh, first in the user's PATH.
    pub fn has_program(&self, name: &str, lines: &str) {
        program::write(&self.home.join("bin").join(name), lines);
    }

    /// Lets the user work in another root: its shell, its ssh and its rsync are used. The tools are those that were
    /// built here, with the C library of this machine: they stand for ones that were built there.
    pub fn lives_in(&mut self, root: Root) {
        let bin = self.home.join("bin");
        for step in STEPS {
            let name = format!("mlcube-ssh-{step}");
            Root::with_own_libraries(&self.home, &built().join(&name), &bin.join(&name));
        }
        self.root = Some(root.sees(self.place.path()));
    }

    /// Sets a variable of everything that the user runs.
    pub fn has_variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Sets a value of the platform `gpu1` in the settings file, by its JSON pointer (`/interpreter/python`).
    pub fn set(&mut self, pointer: &str, value: impl Into<Value>) {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        self.settings["platforms"]["gpu1"].pointer_mut(parent).unwrap()[key] = value.into();
        self.write_settings();
    }

    /// Lets links lead to this place: the only one that the settings list.
    pub fn follows_links_to(&mut self, place: &Path) {
        self.set("/follow_links", json!([place]));
    }

    /// Takes a value of the platform `gpu1` away.
    pub fn unset(&mut self, key: &str) {
        self.settings["platforms"]["gpu1"].as_object_mut().unwrap().remove(key);
        self.write_settings();
    }

    /// The settings file.
    pub fn settings_file(&self) -> PathBuf {
        self.home.join("mlcube.yaml")
    }

    /// Writes the user's ssh configuration: how to reach `there`, and further lines for it.
    pub fn has_ssh_config(&self, lines: &str) {
        self.reaches_port(self.host.sshd.port(), lines);
    }

    /// The same with another port.
    pub fn reaches_port(&self, port: u16, lines: &str) {
        let at = self.home.join(".ssh");
        let user = self.host.user().map(|user| format!("User {user}\n")).unwrap_or_default();
        let config = format!(
            "Host there\n{lines}\nHostName 127.0.0.1\nPort {port}\n{user}IdentityFile {at}/id\nIdentitiesOnly yes\n\
             IdentityAgent none\nUserKnownHostsFile {at}/known_hosts\nGlobalKnownHostsFile /dev/null\n",
            at = at.display(),
        );
        fs::write(at.join("config"), config).unwrap();
    }

    /// Trusts the host key that the host has now.
    pub fn knows_the_host_key(&self) {
        fs::write(self.home.join(".ssh/known_hosts"), self.host.sshd.known_hosts()).unwrap();
    }

    /// The ssh masters that are open on the user's machine.
    pub fn masters(&self) -> Processes {
        self.place.processes().with("ControlMaster=yes")
    }

    /// What was started in the sessions of the host and still runs, wherever it has gone.
    pub fn jobs(&self) -> Processes {
        let place = self.place.path().display().to_string();
        // Rootless podman keeps a process of its own that holds its namespace.
        Processes::with_variable(SESSION_MARK, &place).without("podman pause")
    }

    fn usual_settings(&self) -> Value {
        let python = match self.host.user() {
            Some(_) => Python::for_accounts(self.place.path()),
            None => Python::with_mlcube(),
        };
        let interpreter = json!({"type": "system", "python": python, "requirements": ""});
        let gpu1 = json!({
            "runner": "ssh", "host": "there", "platform": "docker", "remote_root": self.host.remote_root(),
            "interpreter": interpreter, "authentication": {},
            "remote": {"runner": "docker", "docker": "podman", "build_strategy": "auto"},
        });
        let runners = json!({"ssh": {"pkg": "mlcube_ssh"}, "docker": {"pkg": "mlcube_docker"}});
        json!({"runners": runners, "platforms": {"gpu1": gpu1, "docker": {"runner": "docker"}}})
    }

    fn write_settings(&self) {
        fs::write(self.settings_file(), format!("{:#}\n", self.settings)).unwrap();
    }
}

impl Default for Scene {
    fn default() -> Self {
        Scene::new()
    }
}

/// The five programs.
const STEPS: [&str; 5] = ["config", "interp", "push", "exec", "pull"];

/// Puts the wrapper and the programs just built where the user would have installed them.
fn installed(bin: &Path) {
    fs::copy(repository().join("scripts/mlcube-ssh"), bin.join("mlcube-ssh")).unwrap();
    for step in STEPS {
        let name = format!("mlcube-ssh-{step}");
        symlink(built().join(&name), bin.join(&name)).unwrap();
    }
}
