//! The reason why pip can't reach its index. pip gives it only in warnings; its last line says that nothing was found.

use crate::text::quote::one_line;

/// A cause in the words of pip's network library, and what the user can do.
#[derive(Debug)]
#[non_exhaustive]
pub struct Problem {
    /// pip's words.
    pub cause: String,
    /// What to do.
    pub hint: &'static str,
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

/// What pip says of an index that it reaches by http and isn't told to trust, before it finds nothing.
const IGNORES: &str = " is not a trusted or secure host and is being ignored";

/// Returns the network problem that pip reported, if that is why it failed.
#[must_use]
pub fn problem(errors: &str) -> Option<Problem> {
    if let Some((words, _)) = errors.lines().find_map(|line| line.split_once(IGNORES)) {
        return Some(Problem {
            cause: one_line(&format!("{}{IGNORES}", words.trim_start_matches("WARNING: "))),
            hint: "use the index's https address in runner.interpreter.requirements, or add '--trusted-host HOST' there if you trust the network to it",
        });
    }
    let broken =
        |line: &&str| line.contains("connection broken by") || line.contains("Could not fetch URL");
    let line = errors.lines().rfind(broken)?;
    let (_, hint) =
        CAUSES.iter().find(|(signs, _)| signs.iter().any(|sign| line.contains(sign)))?;
    let words = line.split_once("connection broken by ").map_or(line, |(_, words)| words);
    // The line has this form: `'NewConnectionError('<…>: Failed to …')': /simple/mlcube/`
    let words = words.rsplit_once("': ").map_or(words, |(words, _)| words);
    let words = words.strip_prefix('\'').unwrap_or(words);
    let texts = texts(words);
    let cause = if texts.is_empty() { words.to_owned() } else { texts.join(": ") };
    Some(Problem { cause: one_line(&cause), hint })
}

/// Returns the texts in what Python prints of an exception, as in `ProxyError('Cannot connect.', OSError('timed
/// out'))`.
fn texts(printed: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = printed;
    while let Some((_, quoted)) = rest.split_once(['\'', '"']) {
        // Python takes the other quotes for a text with such quotes in it.
        let quote = rest[rest.len() - quoted.len() - 1..].chars().next().unwrap_or('"');
        let (text, after) = quoted.split_once(quote).unwrap_or((quoted, ""));
        let text = text.rsplit_once(">: ").map_or(text, |(_, text)| text);
        texts.push(with_address(text).trim_end_matches('.').to_owned());
        rest = after;
    }
    texts.retain(|text| !text.is_empty());
    texts
}

/// Returns the text with `HOST:PORT` for the pool of connections to it.
fn with_address(text: &str) -> String {
    let address = |text: &str| {
        let pool = text.strip_prefix("HTTP")?;
        let pool = pool.strip_prefix('S').unwrap_or(pool).strip_prefix("ConnectionPool(host=")?;
        let (host, rest) = pool.split_once(", port=")?;
        let (port, rest) = rest.split_once("): ")?;
        Some(format!("{}:{port}: {rest}", host.trim_matches('\'')))
    };
    address(text).unwrap_or_else(|| text.to_owned())
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
        for (printed, cause, hint) in [
            (
                "ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 426 Upgrade Required'))",
                "Cannot connect to proxy: Tunnel connection failed: 426 Upgrade Required",
                "proxy:",
            ),
            (
                "ReadTimeoutError(\"HTTPConnectionPool(host='127.0.0.1', port=26199): Read timed out. (read timeout=15.0)\")",
                "127.0.0.1:26199: Read timed out. (read timeout=15.0)",
                "internet",
            ),
            (
                "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))",
                "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
                "PIP_CERT",
            ),
            ("RemoteDisconnected()", "RemoteDisconnected()", "internet"),
        ] {
            let found = problem(&format!("{warning} '{printed}': /simple/\n{none}")).unwrap();
            assert_eq!(found.cause, cause);
            assert!(found.hint.contains(hint), "{cause}");
        }
        let ignored = "WARNING: The repository located at pypi.lab is not a trusted or secure host and is being ignored. If this repository is available via HTTPS we recommend you use HTTPS instead";
        let found = problem(&format!("{ignored}\n{none}")).unwrap();
        assert!(found.cause.starts_with("The repository located at pypi.lab is not a trusted"));
        assert!(found.hint.contains("--trusted-host"));
        assert!(problem(none).is_none());
    }
}
