// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Reads and writes the attributes of a netlink message, inline: half a million messages of thirty attributes a second are
// too many for libmnl's functions, each of which is a call into a shared library.
#pragma once

#include <linux/netlink.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <type_traits>

namespace systole::control {

[[nodiscard]] inline std::uint16_t attribute_type(const nlattr &attribute)
{
	return attribute.nla_type & NLA_TYPE_MASK;
}

[[nodiscard]] inline std::span<const std::byte> attribute_bytes(const nlattr &attribute)
{
	return {reinterpret_cast<const std::byte *>(&attribute) + NLA_HDRLEN,
		static_cast<std::size_t>(attribute.nla_len) - NLA_HDRLEN};
}

// As it lies there, which is mostly network order; one that is too short reads as zeros.
template <typename Value> [[nodiscard]] Value attribute_value(const nlattr &attribute)
{
	static_assert(std::is_trivially_copyable_v<Value>);
	Value value{};
	const std::span<const std::byte> bytes = attribute_bytes(attribute);
	if (bytes.size() >= sizeof(value))
		std::memcpy(&value, bytes.data(), sizeof(value));
	return value;
}

// All attributes of a message, or in a nest, up to the first that is not whole.
class NetlinkAttributes {
public:
	explicit NetlinkAttributes(const nlattr &nest) : m_bytes(attribute_bytes(nest)) {}
	// `extra`: what lies between the netlink header and the attributes, at most as long as the message.
	NetlinkAttributes(const nlmsghdr &header, std::size_t extra)
	    : m_bytes(reinterpret_cast<const std::byte *>(&header) + NLMSG_HDRLEN + NLMSG_ALIGN(extra),
		      header.nlmsg_len - NLMSG_HDRLEN - NLMSG_ALIGN(extra))
	{
	}

	class Iterator {
	public:
		Iterator(const std::byte *at, const std::byte *end) : m_at(at), m_end(end) {}
		const nlattr &operator*() const { return *reinterpret_cast<const nlattr *>(m_at); }
		Iterator &operator++()
		{
			const auto taken = static_cast<std::ptrdiff_t>(NLA_ALIGN(std::size_t{(**this).nla_len}));
			m_at += std::min(taken, m_end - m_at);
			return *this;
		}
		bool operator==(std::default_sentinel_t) const
		{
			return m_end - m_at < NLA_HDRLEN || (**this).nla_len < NLA_HDRLEN ||
			       (**this).nla_len > m_end - m_at;
		}

	private:
		const std::byte *m_at;
		const std::byte *m_end;
	};
	[[nodiscard]] Iterator begin() const { return {m_bytes.data(), m_bytes.data() + m_bytes.size()}; }
	[[nodiscard]] std::default_sentinel_t end() const { return {}; }

private:
	std::span<const std::byte> m_bytes;
};

// Every message in what one receive gave, up to the first that is not whole.
template <typename Take> void each_message(std::span<const char> bytes, Take &&take)
{
	while (bytes.size() >= sizeof(nlmsghdr)) {
		const auto *header = reinterpret_cast<const nlmsghdr *>(bytes.data());
		if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > bytes.size())
			return;
		take(*header);
		bytes = bytes.subspan(std::min<std::size_t>(NLMSG_ALIGN(header->nlmsg_len), bytes.size()));
	}
}

// Lays a message, attribute by attribute; the buffer must have room.
class NetlinkWriter {
public:
	NetlinkWriter(char *buffer, std::uint16_t type, std::uint16_t flags) : m_buffer(buffer), m_end(buffer)
	{
		nlmsghdr header{};
		header.nlmsg_type = type;
		header.nlmsg_flags = flags;
		append(header);
	}
	template <typename Value> void append(const Value &value)
	{
		static_assert(std::is_trivially_copyable_v<Value>);
		constexpr std::size_t padding = NLA_ALIGN(sizeof(value)) - sizeof(value);
		std::memcpy(m_end, &value, sizeof(value));
		if constexpr (padding != 0)
			std::memset(m_end + sizeof(value), 0, padding);
		m_end += sizeof(value) + padding;
	}
	template <typename Value> void put(std::uint16_t type, const Value &value)
	{
		append(nlattr{static_cast<std::uint16_t>(NLA_HDRLEN + sizeof(value)), type});
		append(value);
	}
	void put_text(std::uint16_t type, const char *text)
	{
		const std::size_t size = std::strlen(text) + 1;
		append(nlattr{static_cast<std::uint16_t>(NLA_HDRLEN + size), type});
		std::memset(m_end, 0, NLA_ALIGN(size));
		std::memcpy(m_end, text, size);
		m_end += NLA_ALIGN(size);
	}
	// Attributes that are put until end_nest() lie in it.
	[[nodiscard]] char *begin_nest(std::uint16_t type)
	{
		char *nest = m_end;
		append(nlattr{0, static_cast<std::uint16_t>(type | NLA_F_NESTED)});
		return nest;
	}
	void end_nest(char *nest) const
	{
		const auto length = static_cast<std::uint16_t>(m_end - nest);
		std::memcpy(nest + offsetof(nlattr, nla_len), &length, sizeof(length));
	}
	// The message is whole: its length.
	std::size_t finish() const
	{
		const auto length = static_cast<std::uint32_t>(m_end - m_buffer);
		std::memcpy(m_buffer + offsetof(nlmsghdr, nlmsg_len), &length, sizeof(length));
		return length;
	}

private:
	char *m_buffer;
	char *m_end;
};

} // namespace systole::control
