"""MLIR bytecode, read just far enough to list the operations in it without building the module."""

from __future__ import annotations

from axil.compiler.diagnostics import CompileError


def op_names(data: bytes) -> set[str]:
    """The names of all operations in MLIR bytecode; its dialect section lists them.

    Raises `CompileError` where the bytes are damaged.
    """
    try:
        return _Bytecode(data).op_names()
    except (IndexError, ValueError) as error:
        raise CompileError(f"malformed MLIR bytecode: {error}") from error


class _Bytecode:
    """Just enough of https://mlir.llvm.org/docs/BytecodeFormat to read the op names."""

    def __init__(self, data: bytes):
        self.data = data
        self.at = 4  # behind the magic number
        self.version = self.varint()
        self.at = data.index(b"\0", self.at) + 1  # behind the producer
        self.sections: dict[int, tuple[int, int]] = {}
        while self.at < len(data):
            self._section()

    def _section(self) -> None:
        head = self.data[self.at]
        self.at += 1
        length = self.varint()
        if head & 0x80:
            alignment = self.varint()
            self.at = -(-self.at // alignment) * alignment
        if self.at + length > len(self.data):
            raise ValueError("it is truncated")
        self.sections[head & 0x7F] = (self.at, self.at + length)
        self.at += length

    def varint(self) -> int:
        first = self.data[self.at]
        if first == 0:
            value = int.from_bytes(self.data[self.at + 1 : self.at + 9], "little")
            self.at += 9
            return value
        extra = (first & -first).bit_length() - 1  # trailing zeros tell the number of further bytes
        value = int.from_bytes(self.data[self.at : self.at + 1 + extra], "little") >> (extra + 1)
        self.at += 1 + extra
        return value

    def strings(self) -> list[str]:
        self.at, end = self.sections[0]
        lengths = [self.varint() for _ in range(self.varint())]  # stored last string first
        out, stop = [], end
        for length in lengths:
            out.append(self.data[stop - length : stop - 1].decode())
            stop -= length
        return out[::-1]

    def op_names(self) -> set[str]:
        strings = self.strings()
        self.at, end = self.sections[1]
        dialects = []
        for _ in range(self.varint()):
            index = self.varint()
            if self.version >= 1:  # since then: (name << 1) | has a version section behind it
                versioned, index = index & 1, index >> 1
                if versioned:
                    self._skip_section()
            dialects.append(strings[index])
        if self.version >= 4:
            self.varint()  # the total, for the reader's reservation
        names = set()
        while self.at < end:
            dialect = dialects[self.varint()]
            for _ in range(self.varint()):
                index = self.varint()
                names.add(f"{dialect}.{strings[index >> 1 if self.version >= 5 else index]}")
        return names

    def _skip_section(self) -> None:
        self.at += 1
        length = self.varint()
        self.at += length
