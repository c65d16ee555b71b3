//! Content that can't be compressed, and that no other file has.

/// So many bytes that don't repeat; others for every seed, the same for one.
pub fn random(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x0139_408d_cbbf_7a44;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).take(size.div_ceil(8)).flatten().take(size).collect()
}
