
// ── Clawfleet's: appended to src/gateway.zig in the image's build ──

/// Reads a request as far as the gateway takes one: its header, and as much after it as the header says. The gateway serves one connection after
/// another, so a client that is silent, or slow, is given up.
fn readRequest(stream: std.net.Stream, buffer: []u8) !usize {
    const silence = std.posix.timeval{ .sec = 2, .usec = 0 };
    try std.posix.setsockopt(stream.handle, std.posix.SOL.SOCKET, std.posix.SO.RCVTIMEO, std.mem.asBytes(&silence));
    const deadline = std.time.milliTimestamp() + 4_000;
    var length: usize = 0;
    while (length < buffer.len and std.time.milliTimestamp() < deadline) {
        const more = try stream.read(buffer[length..]);
        if (more == 0) return error.Incomplete;
        length += more;
        const header = std.mem.indexOf(u8, buffer[0..length], "\r\n\r\n") orelse continue;
        const body = std.fmt.parseInt(usize, extractHeader(buffer[0..length], "Content-Length") orelse "0", 10) catch return error.Incomplete;
        if (body <= length - header - 4) return length;
    }
    return error.Incomplete;
}
