// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/core/message.h"

#include "control/core/wire.h"

namespace systole::core {

namespace {

constexpr std::array<char, 4> magic{'H', 'A', 'K', 'E'};
constexpr std::uint8_t flag_continues = 1;

void put(WireWriter &out, const HakeHeader &header)
{
	out.bytes(magic);
	out.number(hake_version);
	out.number(static_cast<std::uint8_t>(header.type));
	out.number(static_cast<std::uint16_t>(bytes_of(header.type)));
	out.number(header.group_id);
	out.number(header.link);
	out.number(std::uint8_t{0});
	out.bytes(header.sender.text);
	out.bytes(header.nonce);
}

void put(WireWriter &out, const ExchangeHead &head)
{
	put(out, head.header);
	out.bytes(head.destination.text);
	out.bytes(head.destination_nonce);
	out.bytes(head.x);
	out.number(head.capabilities);
	out.number(head.policy);
	out.number(head.spi_base);
	out.number(head.link_bitmap);
	out.number(head.password_index);
	out.number(head.suite);
	out.number(static_cast<std::uint8_t>(head.continues ? flag_continues : 0));
}

HakeBytes finish(HakeBytes out, const WireWriter &writer)
{
	out.length = static_cast<std::uint8_t>(writer.written());
	return out;
}

// The body of a message of exactly this type; a failed reader if it is another.
std::optional<HakeHeader> expect(HakeType type, std::span<const std::byte> bytes)
{
	const auto header = decode_header(bytes);
	return header && header->type == type ? header : std::nullopt;
}

ExchangeHead read_head(const HakeHeader &header, WireReader &in)
{
	ExchangeHead head;
	head.header = header;
	in.bytes_into(head.destination.text);
	in.bytes_into(head.destination_nonce);
	in.bytes_into(head.x);
	head.capabilities = in.number<std::uint32_t>();
	head.policy = in.number<std::uint32_t>();
	head.spi_base = in.number<std::uint32_t>();
	head.link_bitmap = in.number<std::uint8_t>();
	head.password_index = in.number<std::uint8_t>();
	head.suite = in.number<std::uint8_t>();
	head.continues = (in.number<std::uint8_t>() & flag_continues) != 0;
	return head;
}

} // namespace

HakeBytes encode(const Hello &message)
{
	HakeBytes out;
	WireWriter w(out.bytes);
	put(w, message.header);
	w.bytes(message.group_name);
	w.number(message.capabilities);
	w.number(message.policy);
	return finish(out, w);
}

HakeBytes encode(const Ke1 &message)
{
	HakeBytes out;
	WireWriter w(out.bytes);
	put(w, message.head);
	w.bytes(message.share);
	w.bytes(message.ticket);
	return finish(out, w);
}

HakeBytes encode(const Ke2 &message)
{
	HakeBytes out;
	WireWriter w(out.bytes);
	put(w, message.head);
	w.bytes(message.share);
	w.bytes(message.confirm);
	w.bytes(message.ticket);
	return finish(out, w);
}

HakeBytes encode(const Ke3 &message)
{
	HakeBytes out;
	WireWriter w(out.bytes);
	put(w, message.header);
	w.bytes(message.destination.text);
	w.bytes(message.destination_nonce);
	w.bytes(message.x);
	w.bytes(message.confirm);
	return finish(out, w);
}

HakeBytes encode(const Bye &message)
{
	HakeBytes out;
	WireWriter w(out.bytes);
	put(w, message.header);
	w.bytes(message.destination.text);
	w.bytes(message.destination_nonce);
	return finish(out, w);
}

std::optional<HakeHeader> decode_header(std::span<const std::byte> bytes)
{
	WireReader in(bytes);
	std::array<char, 4> start{};
	in.bytes_into(start);
	const auto version = in.number<std::uint8_t>();
	const auto type = in.number<std::uint8_t>();
	const auto length = in.number<std::uint16_t>();
	HakeHeader header;
	header.group_id = in.number<std::uint16_t>();
	header.link = in.number<std::uint8_t>();
	in.skip(1);
	in.bytes_into(header.sender.text);
	in.bytes_into(header.nonce);
	if (!in.ok() || start != magic || version != hake_version || type < 1 || type > 5)
		return std::nullopt;
	header.type = static_cast<HakeType>(type);
	if (length != bytes_of(header.type) || bytes.size() != length)
		return std::nullopt;
	return header;
}

std::optional<Hello> decode_hello(std::span<const std::byte> bytes)
{
	const auto header = expect(HakeType::hello, bytes);
	if (!header)
		return std::nullopt;
	WireReader in(bytes.subspan(hake_header_bytes));
	Hello message;
	message.header = *header;
	in.bytes_into(message.group_name);
	message.capabilities = in.number<std::uint32_t>();
	message.policy = in.number<std::uint32_t>();
	return in.ok() ? std::optional(message) : std::nullopt;
}

std::optional<Ke1> decode_ke1(std::span<const std::byte> bytes)
{
	const auto header = expect(HakeType::ke1, bytes);
	if (!header)
		return std::nullopt;
	WireReader in(bytes.subspan(hake_header_bytes));
	Ke1 message;
	message.head = read_head(*header, in);
	in.bytes_into(message.share);
	in.bytes_into(message.ticket);
	return in.ok() ? std::optional(message) : std::nullopt;
}

std::optional<Ke2> decode_ke2(std::span<const std::byte> bytes)
{
	const auto header = expect(HakeType::ke2, bytes);
	if (!header)
		return std::nullopt;
	WireReader in(bytes.subspan(hake_header_bytes));
	Ke2 message;
	message.head = read_head(*header, in);
	in.bytes_into(message.share);
	in.bytes_into(message.confirm);
	in.bytes_into(message.ticket);
	return in.ok() ? std::optional(message) : std::nullopt;
}

std::optional<Ke3> decode_ke3(std::span<const std::byte> bytes)
{
	const auto header = expect(HakeType::ke3, bytes);
	if (!header)
		return std::nullopt;
	WireReader in(bytes.subspan(hake_header_bytes));
	Ke3 message;
	message.header = *header;
	in.bytes_into(message.destination.text);
	in.bytes_into(message.destination_nonce);
	in.bytes_into(message.x);
	in.bytes_into(message.confirm);
	return in.ok() ? std::optional(message) : std::nullopt;
}

std::optional<Bye> decode_bye(std::span<const std::byte> bytes)
{
	const auto header = expect(HakeType::bye, bytes);
	if (!header)
		return std::nullopt;
	WireReader in(bytes.subspan(hake_header_bytes));
	Bye message;
	message.header = *header;
	in.bytes_into(message.destination.text);
	in.bytes_into(message.destination_nonce);
	return in.ok() ? std::optional(message) : std::nullopt;
}

} // namespace systole::core
