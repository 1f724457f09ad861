using System.Runtime.InteropServices;
using static Engine.TextTable;

namespace Engine.Data;

/// <summary>Contains the bytes, the stack and the memory that the opcodes work on, with their bounds.</summary>
internal sealed partial class PickleReader
{
    private byte ReadByte() => Read(1)[0];

    /// <summary>Reads the next few bytes; the span is valid until the next call.</summary>
    private ReadOnlySpan<byte> Read(int count)
    {
        CheckLength((ulong)count);
        ReadOnlySpan<byte> bytes = Look(count)[..count];
        _position += count;
        return bytes;
    }

    private ReadOnlySpan<byte> Look(int count)
    {
        int offset = _position - _windowStart;
        if (offset + count > _windowLength && _windowStart + _windowLength < _source.Length)
        {
            _window = _window.Length == 0 ? new byte[WindowBytes] : _window;
            (_windowStart, offset) = (_position, 0);
            _windowLength = Math.Min(_window.Length, _source.Length - _position);
            _source.Read(_window.AsSpan(0, _windowLength), _position);
        }

        return _window.AsSpan(offset, Math.Min(count, _windowLength - offset));
    }

    private int CheckLength(ulong length) => length <= (ulong)(_source.Length - _position)
        ? (int)length
        : throw Error(
            $"the file is cut off: {Digits(length)} more bytes should stand where "
            + $"{Digits(_source.Length - _position)} are left");

    private long ReadLong(int count)
    {
        ReadOnlySpan<byte> bytes = Read(count);
        if (count > 8)
        {
            throw Error($"an integer of {count} bytes");
        }

        long value = 0;
        for (int i = 0; i < count; i++)
        {
            value |= (long)bytes[i] << (8 * i);
        }

        int unused = 64 - (8 * count);
        return count == 0 ? 0 : value << unused >> unused;
    }

    private byte[] ReadLine()
    {
        ReadOnlySpan<byte> rest = Look(MaximumName);
        int end = rest.IndexOf((byte)'\n');
        if (end < 0)
        {
            throw Error(rest.Length < MaximumName ? "the file is cut off in a name" : "a name without an end");
        }

        _position += end + 1;
        return rest[..end].ToArray();
    }

    private byte[] ReadName(PickleValue value) => LengthOf(value) < MaximumName
        ? BytesOf(value)
        : throw Error($"a name of {Digits(LengthOf(value))} characters");

    private void Push(PickleValue value)
    {
        if (++_values > _maximumValues)
        {
            throw Error($"more than {Digits(_maximumValues)} values in a file of {Digits(_source.Length)} bytes");
        }

        _stack.Add(value);
    }

    private void PushSlice(PickleKind kind, ulong length)
    {
        int count = CheckLength(length);
        Push(PickleValue.Slice(kind, _position, count));
        _position += count;
    }

    private void PushTuple(int count)
    {
        var items = new PickleValue[count];
        for (int i = count - 1; i >= 0; i--)
        {
            items[i] = Pop();
        }

        Push(new(PickleKind.Tuple, 0, items));
    }

    private PickleValue Peek() =>
        _stack.Count > (_marks.TryPeek(out int mark) ? mark : 0) ? _stack[^1] : throw Error("a value is missing");

    private PickleValue Pop()
    {
        PickleValue value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private PickleValue Pop(PickleKind kind)
    {
        PickleValue value = Pop();
        return value.Kind == kind ? value : throw Error($"a value of kind {value.Kind} where {kind} belongs");
    }

    private PickleValue[] PopToMark()
    {
        if (!_marks.TryPop(out int mark))
        {
            throw Error("the end of a list that has no beginning");
        }

        PickleValue[] items = CollectionsMarshal.AsSpan(_stack)[mark..].ToArray();
        _stack.RemoveRange(mark, items.Length);
        return items;
    }

    private T Top<T>(PickleKind kind) where T : class
    {
        PickleValue value = Peek();
        return value.Kind == kind
            ? (T)value.Reference!
            : throw Error($"a value of kind {value.Kind} where {kind} belongs");
    }

    private void SetItems(PickleValue[] items)
    {
        List<PickleValue> pairs = Top<PickleDictionary>(PickleKind.Dictionary).Pairs;
        if (items.Length % 2 != 0)
        {
            throw Error("a dictionary with a key that has no value");
        }

        pairs.AddRange(items);
    }

    private void Memorize(uint index)
    {
        _memo[index] = Peek();
        if (_memo.Count > _maximumValues)
        {
            throw Error($"more than {Digits(_maximumValues)} remembered values");
        }
    }

    private PickleValue Recall(uint index) => _memo.TryGetValue(index, out PickleValue value)
        ? value
        : throw Error($"remembered value {index}, which is not there");
}
