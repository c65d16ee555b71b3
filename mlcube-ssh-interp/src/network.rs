//! The reason why pip can't reach its index. pip gives it only in warnings; its last line says that nothing was found.
//!
//! The fuzz target `host` includes this file, so it uses nothing else of this program.

use mlcube_ssh::text::quote::one_line;

/// A cause in the words of pip's network library, and what the user can do.
pub(crate) struct Problem {
    pub(crate) cause: String,
    pub(crate) hint: &'static str,
}

/// The words by which a cause is recognised, and its hint; the most specific cause comes first.
const CAUSES: [(&[&str], &str); 4] = [
    (
        &["ProxyError", "Cannot connect to proxy", "Tunnel connection failed"],
        "check the proxy: 'environment: {https_proxy: URL}' in the platform's section, or pip's configuration on the remote",
    ),
    (
        &["CERTIFICATE_VERIFY_FAILED", "SSLError", "SSLCertVerificationError"],
        "the remote doesn't trust the index's certificate; if your site intercepts TLS, name its CA: 'environment: {PIP_CERT: FILE}' in the platform's section",
    ),
    (
        &["ConnectTimeoutError", "ReadTimeoutError", "Read timed out", "timed out"],
        "check whether the host reaches the internet; if not, name a proxy ('environment: {https_proxy: URL}') or a folder of wheels (--no-index --find-links FOLDER in requirements)",
    ),
    (
        &[
            "NewConnectionError",
            "Failed to establish a new connection",
            "Name or service not known",
            "Temporary failure in name resolution",
            "RemoteDisconnected",
            "ConnectionResetError",
        ],
        "check whether the host reaches the internet; if not, name a proxy ('environment: {https_proxy: URL}') or a folder of wheels (--no-index --find-links FOLDER in requirements)",
    ),
];

/// Returns the network problem that pip reported, if that is why it failed.
pub(crate) fn problem(errors: &str) -> Option<Problem> {
    let broken =
        |line: &&str| line.contains("connection broken by") || line.contains("Could not fetch URL");
    let line = errors.lines().rfind(broken)?;
    let (_, hint) =
        CAUSES.iter().find(|(signs, _)| signs.iter().any(|sign| line.contains(sign)))?;
    let words = line.split_once("connection broken by ").map_or(line, |(_, words)| words);
    // The line has this form: `'NewConnectionError('<…>: Failed to …')': /simple/mlcube/`
    let words = words.rsplit_once("': ").map_or(words, |(words, _)| words);
    let words = words.rsplit_once(">: ").map_or(words, |(_, words)| words);
    let words = words.trim_matches(['\'', '"', '(', ')', ' ', ',']);
    Some(Problem { cause: one_line(words), hint })
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn the_network_is_named() {
        let warning = "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by";
        let none = "ERROR: No matching distribution found for mlcube==0.0.9";
        let errors = format!(
            "{warning} 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/mlcube/\n{none}"
        );
        let found = problem(&errors).unwrap();
        assert_eq!(
            found.cause,
            "Failed to establish a new connection: [Errno 111] Connection refused"
        );
        let errors = format!(
            "{warning} 'ProxyError('Cannot connect to proxy.', OSError(0, 'Error'))': /simple/\n{none}"
        );
        assert!(problem(&errors).unwrap().hint.contains("proxy:"));
        assert!(problem(none).is_none());
    }
}
