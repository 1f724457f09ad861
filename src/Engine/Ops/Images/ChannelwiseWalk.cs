using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Ops;

/// <summary>How the CPU walks over a channelwise convolution: row by row of the result, for one place of a filter.</summary>
internal sealed unsafe class ChannelwiseWalk<T> where T : unmanaged, INumber<T>
{
    private const int Work = 16384;

    private readonly PatchSides _s;
    private readonly bool _isFlipped;

    public ChannelwiseWalk(Channelwise of, Shape images, int filters)
    {
        _s = PatchSides.Of(of.Patches, images);
        _isFlipped = of.FlipFilters;
        Filters = filters;
        Multiples = _s.Channels == 0 ? 0 : filters / _s.Channels;
    }

    /// <summary>What is done with a row of the images and one of the result.</summary>
    public interface IRow
    {
        void Do(T* x, int step, T* y, int count);
    }

    public int Images => _s.Images;

    public int Channels => _s.Channels;

    public int Filters { get; }

    public int Multiples { get; }

    public int Places => _s.Size0 * _s.Size1 * _s.Size2;

    /// <summary>Elements of a plane of the result, and of the images.</summary>
    public int Area => _s.Over0 * _s.Over1 * _s.Over2;

    public int Pixels => _s.Side0 * _s.Side1 * _s.Side2;

    public int Grain => Math.Max(1, Work / Math.Max(1, Area * Places));

    public int Weight(int filter, int place) => (filter * Places) + (_isFlipped ? Places - 1 - place : place);

    public long Plane(int image, int filter) => (((long)image * Channels) + (filter / Multiples)) * Pixels;

    /// <summary>Every row of a plane of the result that a place of the filter sees something for.</summary>
    public void Rows<TRow>(int place, T* x, T* y, ref TRow row) where TRow : struct, IRow
    {
        (int rest, int size2) = Math.DivRem(place, _s.Size2);
        (int size0, int size1) = Math.DivRem(rest, _s.Size1);
        int first = (size2 * _s.Dilation2) - _s.Pad2;
        (int left, int right) = PatchCode.Inside(_s, first);
        for (int over0 = 0; over0 < _s.Over0; over0++)
        {
            int at0 = (over0 * _s.Stride0) + (size0 * _s.Dilation0) - _s.Pad0;
            for (int over1 = 0; over1 < _s.Over1 && (uint)at0 < (uint)_s.Side0; over1++)
            {
                int at1 = (over1 * _s.Stride1) + (size1 * _s.Dilation1) - _s.Pad1;
                if ((uint)at1 < (uint)_s.Side1 && left < right)
                {
                    T* from = x + (((((long)at0 * _s.Side1) + at1) * _s.Side2) + first + ((long)left * _s.Stride2));
                    T* to = y + (((((long)over0 * _s.Over1) + over1) * _s.Over2) + left);
                    row.Do(from, _s.Stride2, to, right - left);
                }
            }
        }
    }

    /// <summary>Adds the images' row, weighted, to the result's.</summary>
    public readonly struct AddTo(T weight) : IRow
    {
        public void Do(T* x, int step, T* y, int count)
        {
            int i = 0;
            if (step == 1)
            {
                var factor = new Vector<T>(weight);
                for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
                {
                    (Vector.Load(y + i) + (Vector.Load(x + i) * factor)).Store(y + i);
                }
            }

            for (; i < count; i++)
            {
                y[i] += weight * x[(long)i * step];
            }
        }
    }

    /// <summary>Adds the result's row, weighted, to the images'.</summary>
    public readonly struct AddFrom(T weight) : IRow
    {
        public void Do(T* x, int step, T* y, int count)
        {
            if (step == 1)
            {
                new AddTo(weight).Do(y, 1, x, count);
                return;
            }

            for (int i = 0; i < count; i++)
            {
                x[(long)i * step] += weight * y[i];
            }
        }
    }

    /// <summary>Sums up the products of the two.</summary>
    public struct Dot : IRow
    {
        public double Sum { get; private set; }

        public void Do(T* x, int step, T* y, int count)
        {
            int i = 0;
            T total = T.Zero;
            if (step == 1)
            {
                Vector<T> sums = Vector<T>.Zero;
                for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
                {
                    sums += Vector.Load(x + i) * Vector.Load(y + i);
                }

                total = Vector.Sum(sums);
            }

            for (; i < count; i++)
            {
                total += x[(long)i * step] * y[i];
            }

            Sum += double.CreateTruncating(total);
        }
    }
}
