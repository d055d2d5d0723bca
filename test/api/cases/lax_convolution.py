"""The cases of `axil.lax` that slide windows: convolutions, reductions of windows; and `reduce_precision`."""

MODULE = "lax"

_X, _W = "A((2,3,5,6))", "A((4,3,2,3),'f',1)"
_DN = "dimension_numbers="
_XL, _WL, _LAST = "A((2,5,6,4))", "A((2,3,4,6),'f',1)", "dimension_numbers=('NHWC','HWIO','NHWC')"


def _cases(text: str) -> list[str]:
    return [case.strip() for line in text.strip().splitlines() for case in line.split(" | ") if case.strip()]


CASES = {
    "conv": _cases(f"""
        M.conv({_X}, {_W}, (1,1), 'SAME') | M.conv({_X}, {_W}, (2,1), 'VALID')
        M.conv({_X}, {_W}, (2,2), 'SAME_LOWER')
        M.conv({_X}, {_W}, (1,2), 'same') | M.conv(A((2,3,7)), A((4,3,2),'f',1), (3,), 'SAME')
        M.conv(A((2,3)), A((4,3)), (), 'SAME')
        M.conv(A((1,2,3,3,3)), A((2,2,2,2,2),'f',1), (1,1,2), 'VALID') | M.conv({_X}, {_W}, (1,1), 'OTHER')
        M.conv(A((0,3,5,6)), {_W}, (1,1), 'SAME') | M.conv(A((2,3,1,1)), {_W}, (1,1), 'VALID')
        M.conv({_X}, A((4,2,2,3)), (1,1), 'SAME')
        M.conv(A((2,3,5,6),'h'), A((4,3,2,3),'h',1), (1,1), 'SAME')
        M.conv(A((2,3,5,6),'g'), A((4,3,2,3),'g',1), (1,1), 'SAME')
        M.conv(A((2,3,5,6),'c'), A((4,3,2,3),'c',1), (1,1), 'SAME') | M.conv({_X}, A((4,3,2,3),'h'), (1,1), 'SAME')
        M.conv({_X}, A((4,3,2)), (1,), 'SAME') | M.conv({_X}, {_W}, (1,), 'VALID')
        M.conv(A((2,3,5),'i'), A((4,3,2),'i',1), (1,), 'SAME')
        M.conv(A((2,3,5),'u'), A((4,3,2),'u',1), (1,), 'SAME')
    """),
    "conv_general_dilated": _cases(f"""
        M.conv_general_dilated({_XL}, {_WL}, (1,1), 'SAME', {_LAST})
        M.conv_general_dilated({_XL}, {_WL}, (2,1), [(1,0),(0,2)], {_LAST})
        M.conv_general_dilated({_XL}, {_WL}, (1,2), [(-1,0),(2,-1)], {_LAST})
        M.conv_general_dilated({_XL}, {_WL}, (1,1), [(1,1),(2,2)], (2,3), (1,2), {_LAST})
        M.conv_general_dilated({_XL}, {_WL}, (2,3), 'SAME', None, (2,1), {_LAST})
        M.conv_general_dilated({_XL}, A((2,3,2,6)), (1,1), 'SAME', {_LAST}, feature_group_count=2)
        M.conv_general_dilated({_XL}, A((2,3,1,8)), (1,1), 'VALID', {_LAST}, feature_group_count=4)
        M.conv_general_dilated({_XL}, {_WL}, (1,1), 'SAME', {_LAST}, batch_group_count=2)
        M.conv_general_dilated(A((3,5,2,4)), A((6,4,2,3)), (1,2), 'SAME', dimension_numbers=('HWNC','OIWH','CNHW'))
        M.conv_general_dilated(A((3,2,5)), A((2,4,3)), (1,), [(1,1)], dimension_numbers=('CNW','WOI','NWC'))
        M.conv_general_dilated(A((2,3,4),'i'), A((5,3,2),'i',1), (1,), 'SAME', preferred_element_type=J.float32)
        M.conv_general_dilated(A((2,3,4),'s'), A((5,3,2),'s',1), (1,), 'SAME', preferred_element_type=J.int32)
        M.conv_general_dilated(A((2,3,4),'g'), A((5,3,2),'g',1), (1,), 'SAME', preferred_element_type=J.float32)
        M.conv_general_dilated(A((2,3,4)), A((5,3,2)), (1,), 'SAME', preferred_element_type=J.int32)
        M.conv_general_dilated(A((2,3,4)), A((5,3,2)), (1,), 'SAME', precision='highest')
        M.conv_general_dilated({_XL}, {_WL}, (1,1), 'SAME', (2,1), {_LAST})
        M.conv_general_dilated({_XL}, {_WL}, (1,1), 'SAME')
        M.conv_general_dilated({_XL}, {_WL}, (1,1), 'SAME', {_LAST}, feature_group_count=3)
        M.conv_general_dilated({_XL}, {_WL}, (1,1), [(0,0)], {_LAST})
        M.conv_general_dilated({_XL}, {_WL}, (1,1), 3, {_LAST})
        M.conv_general_dilated({_XL}, {_WL}, (1,1), [(-5,-5),(0,0)], {_LAST})
        M.conv_general_dilated({_XL}, {_WL}, (1,1), 'SAME', dimension_numbers=('NHWC','HWIO','NHW'))
        M.conv_general_dilated(A((2,0,4)), A((5,0,2)), (1,), 'SAME')
        M.conv_general_dilated(A((2,3,4)), A((0,3,2)), (1,), 'SAME')
    """),
    "conv_with_general_padding": _cases(f"""
        M.conv_with_general_padding({_X}, {_W}, (1,1), [(1,1),(0,2)], None, None)
        M.conv_with_general_padding({_X}, {_W}, (1,1), [(1,1),(0,2)], (2,2), (1,1))
        M.conv_with_general_padding({_X}, {_W}, (2,1), [(-1,1),(0,-2)], (2,2), (1,2))
        M.conv_with_general_padding({_X}, {_W}, (1,1), 'SAME', None, (2,1))
        M.conv_with_general_padding({_X}, {_W}, (3,2), 'VALID', None, None)
        M.conv_with_general_padding(A((1,2,9)), A((3,2,4),'f',1), (2,), [(0,0)], (3,), (2,))
        M.conv_with_general_padding(A((1,2)), A((3,2)), (), [], (), ())
        M.conv_with_general_padding({_X}, {_W}, (1,1), 'SAME', (2,2), (1,1))
        M.conv_with_general_padding({_X}, {_W}, (1,1), [(0,0)], None, None)
        M.conv_with_general_padding(A((2,3,4),'i'), A((5,3,2),'i'), (1,), [(2,2)], (1,), (2,))
    """),
    "conv_transpose": _cases("""
        M.conv_transpose(A((2,4,5,3)), A((3,2,3,6),'f',1), (2,2), 'SAME')
        M.conv_transpose(A((2,4,5,3)), A((3,2,3,6),'f',1), (2,3), 'VALID')
        M.conv_transpose(A((2,4,5,3)), A((3,2,3,6),'f',1), (1,1), 'SAME')
        M.conv_transpose(A((2,4,5,3)), A((2,2,3,6),'f',1), (3,4), 'SAME')
        M.conv_transpose(A((2,4,5,3)), A((3,2,6,3),'f',1), (2,2), 'SAME', transpose_kernel=True)
        M.conv_transpose(A((2,4,5,3)), A((3,2,3,6),'f',1), (2,2), [(1,2),(0,1)])
        M.conv_transpose(A((2,4,5,3)), A((3,2,3,6),'f',1), (2,2), [(1,1),(0,1)], use_consistent_padding=True)
        M.conv_transpose(A((2,4,3)), A((3,3,6),'f',1), (2,), 'SAME', rhs_dilation=(2,))
        M.conv_transpose(A((2,3)), A((3,6)), (), 'SAME')
        M.conv_transpose(A((2,3,4)), A((6,3,3),'f',1), (2,), 'VALID', dimension_numbers=('NCW','OIW','NCW'))
        M.conv_transpose(A((1,2,2,2,3)), A((2,2,2,3,4),'f',1), (2,1,2), 'SAME')
        M.conv_transpose(A((2,4,5,3)), A((3,2,3,6)), (2,2), 'OTHER')
    """),
    "conv_general_dilated_patches": _cases("""
        M.conv_general_dilated_patches(A((2,3,5,6)), (2,3), (1,1), 'SAME')
        M.conv_general_dilated_patches(A((2,3,5,6)), (2,2), (2,1), 'VALID')
        M.conv_general_dilated_patches(A((2,5,6,3)), (2,3), (1,2), 'SAME', dimension_numbers=('NHWC','HWIO','NHWC'))
        M.conv_general_dilated_patches(A((2,5,6,3)), (2,3), (1,2), 'SAME', dimension_numbers=('NHWC','OIWH','CNWH'))
        M.conv_general_dilated_patches(A((2,3,5)), (2,), (1,), [(1,0)], (2,), (2,))
        M.conv_general_dilated_patches(A((2,3)), (), (), 'SAME')
        M.conv_general_dilated_patches(A((2,3,5),'i'), (2,), (1,), 'SAME')
        M.conv_general_dilated_patches(A((2,3,5),'h'), (2,), (1,), 'SAME')
        M.conv_general_dilated_patches(A((1,2,3,3,3)), (2,1,2), (1,1,1), 'VALID')
        M.conv_general_dilated_patches(A((2,3,5)), (2,2), (1,), 'SAME')
    """),
    "conv_general_dilated_local": _cases(f"""
        M.conv_general_dilated_local(A((2,3,4,5)), A((6,12,3,4),'f',1), (1,1), 'VALID', (2,2))
        M.conv_general_dilated_local(A((2,4,5,3)), A((4,5,18,2),'f',1), (1,1), 'SAME', (2,3), {_LAST})
        M.conv_general_dilated_local(A((2,4,5,3)), A((3,2,18,2)), (2,2), 'SAME', (2,3), {_DN}('NHWC','WHIO','NHWC'))
        M.conv_general_dilated_local(A((2,4,5,3)), A((4,5,18,2)), (1,1), 'SAME', (2,3), {_DN}('NHWC','HWIO','CHNW'))
        M.conv_general_dilated_local(A((2,3,6)), A((2,6,5),'f',1), (1,), 'VALID', (2,))
        M.conv_general_dilated_local(A((2,3)), A((4,3)), (), 'VALID', ())
        M.conv_general_dilated_local(A((2,3,6)), A((2,6,3),'f',1), (2,), 'VALID', (2,))
        M.conv_general_dilated_local(A((2,3,6)), A((2,5,5)), (1,), 'VALID', (2,))
        M.conv_general_dilated_local(A((2,3,6)), A((2,6,11),'f',1), (1,), [(0,1)], (2,), (2,))
        M.conv_general_dilated_local(A((2,3,6),'h'), A((2,6,5),'h',1), (1,), 'VALID', (2,))
    """),
    "conv_dimension_numbers": _cases("""
        M.conv_dimension_numbers((1,2,3,4), (1,2,3,4), None)
        M.conv_dimension_numbers((1,2,3,4), (1,2,3,4), ('NHWC','HWIO','NHWC'))
        M.conv_dimension_numbers((1,2,3), (1,2,3), ('NWC','WIO','CNW'))
        M.conv_dimension_numbers((1,2), (1,2), ('NC','OI','CN'))
        M.conv_dimension_numbers((1,2,3,4), (1,2,3,4), ('NHWC','WHIO','NHWC'))
        M.conv_dimension_numbers((1,2,3), (1,2), None)
        M.conv_dimension_numbers((1,2,3,4), (1,2,3,4), ('NHWC','HWIO'))
        M.conv_dimension_numbers((1,2,3,4), (1,2,3,4), ('NHWC','HWIO',3))
        M.conv_dimension_numbers((1,2,3,4), (1,2,3,4), ('NHWC','HWIO','NHHC'))
        M.conv_dimension_numbers((1,2,3,4), (1,2,3,4), ('NHWC','HWIO','NHXC'))
        M.conv_dimension_numbers((1,2,3,4), (1,2,3,4), 'NHWC')
        M.conv_dimension_numbers((1,2,3), (1,2,3), M.ConvDimensionNumbers((0,1,2),(1,0,2),(2,1,0)))
    """),
    "ConvDimensionNumbers": _cases(f"""
        M.ConvDimensionNumbers((0,1,2), (0,1,2), (0,1,2)).lhs_spec
        M.ConvDimensionNumbers((0,1,2), (1,0,2), (0,1,2)).rhs_spec
        M.ConvDimensionNumbers(*[(0,1)]*3).out_spec | tuple(M.ConvDimensionNumbers((0,1),(1,0),(0,1)))
        M.ConvDimensionNumbers((0,1),(1,0))
        M.conv_general_dilated(A((2,3,4)), A((4,3,5)), (1,), 'SAME', {_DN}M.ConvDimensionNumbers((0,2,1),(2,0,1),(0,1,2)))
    """),
    "ConvGeneralDilatedDimensionNumbers": ["len(M.ConvGeneralDilatedDimensionNumbers.__args__)"],
    "conv_general_permutations": _cases("""
        M.conv_general_permutations(('NHWC','HWIO','NHWC')) | M.conv_general_permutations(('NCHW','OIHW','NCHW'))
        M.conv_general_permutations(('NHWC','OWHI','CWHN')) | M.conv_general_permutations(('NC','IO','CN'))
        M.conv_general_permutations(('NXYZC','ZIOYX','XNCZY')) | M.conv_general_permutations(('NHWC','HWIO','NHWD'))
        M.conv_general_permutations(('NHHC','HWIO','NHWC')) | M.conv_general_permutations(('NHWC','HWI','NHWC'))
        M.conv_general_permutations(('NHWC','HWIO','NHDC')) | M.conv_general_permutations(['NWC','WIO','NCW'])
    """),
    "conv_shape_tuple": _cases("""
        M.conv_shape_tuple((2,3,8,9), (4,3,2,3), (1,1), 'SAME')
        M.conv_shape_tuple((2,3,8,9), (4,3,2,3), (2,3), 'SAME')
        M.conv_shape_tuple((2,3,8,9), (4,3,2,3), (2,3), 'VALID')
        M.conv_shape_tuple((2,3,8,9), (4,3,2,3), (1,1), [(1,2),(-1,0)])
        M.conv_shape_tuple((4,3,8), (4,3,2), (1,), [(0,0)], 2) | M.conv_shape_tuple((2,3), (4,3), (), [])
        M.conv_shape_tuple((2,3,1), (4,3,2), (1,), 'VALID')
        M.conv_shape_tuple((2,3,8), (4,3,2), (1,), [(0,0),(1,1)])
        M.conv_shape_tuple((2,3,8), (4,3,2), (1,), [(-9,0)]) | M.conv_shape_tuple((2,3,0), (4,3,2), (1,), 'SAME')
    """),
    "conv_general_shape_tuple": _cases("""
        M.conv_general_shape_tuple((2,8,9,3), (2,3,3,4), (1,1), 'SAME', ('NHWC','HWIO','NHWC'))
        M.conv_general_shape_tuple((2,8,9,3), (2,3,3,4), (2,1), 'VALID', ('NHWC','HWIO','NHWC'))
        M.conv_general_shape_tuple((2,8,9,3), (2,3,3,4), (2,1), 'VALID', ('NHWC','WHIO','CWNH'))
        M.conv_general_shape_tuple((2,8,3), (2,3,4), (1,), [(1,1)], ('NWC','WIO','NCW'))
        M.conv_general_shape_tuple((2,3), (3,4), (), [], ('NC','IO','NC'))
        M.conv_general_shape_tuple((2,8,9,3), (2,3,3,4), (1,1), 'SAME', ('NHWC','HWIO','NHXC'))
        M.conv_general_shape_tuple((2,8,3), (2,3,4), (3,), 'SAME', ('NWC','WIO','NWC'))
        M.conv_general_shape_tuple((2,8,3), (9,3,4), (1,), 'VALID', ('NWC','WIO','NWC'))
        M.conv_general_shape_tuple((2,8,3), (9,3,4), (1,), [(0,0)]*2, ('NWC','WIO','NWC'))
        M.conv_general_shape_tuple((0,8,3), (9,3,4), (1,), 'SAME', ('NWC','WIO','NWC'))
    """),
    "conv_transpose_shape_tuple": _cases("""
        M.conv_transpose_shape_tuple((2,8,9,3), (2,3,3,4), (2,2), 'SAME', ('NHWC','HWIO','NHWC'))
        M.conv_transpose_shape_tuple((2,8,9,3), (2,3,3,4), (2,3), 'VALID', ('NHWC','HWIO','NHWC'))
        M.conv_transpose_shape_tuple((2,8,9,3), (2,3,3,4), (1,4), 'SAME', ('NHWC','HWIO','CNHW'))
        M.conv_transpose_shape_tuple((2,8,3), (2,3,4), (2,), [(1,1)], ('NWC','WIO','NWC'))
        M.conv_transpose_shape_tuple((2,8,3), (5,3,4), (3,), 'VALID', ('NWC','WIO','NWC'))
        M.conv_transpose_shape_tuple((2,8,3), (2,3,4), (2,), 'SAME', ('NWC','WIO','NXC'))
        M.conv_transpose_shape_tuple((2,8,3), (2,3,4), (2,), 'OTHER', ('NWC','WIO','NWC'))
        M.conv_transpose_shape_tuple((2,1,3), (2,3,4), (5,), 'SAME', ('NWC','WIO','NWC'))
        M.conv_transpose_shape_tuple((2,8,3), (2,3,4), (2,), [(0,3)], ('NWC','WIO','NCW'))
        M.conv_transpose_shape_tuple((2,8,3), (1,3,4), (2,), 'VALID', ('NWC','WIO','NWC'))
    """),
    "padtype_to_pads": _cases("""
        M.padtype_to_pads((8,9), (2,3), (1,1), 'SAME') | M.padtype_to_pads((8,9), (2,3), (2,3), 'same')
        M.padtype_to_pads((8,9), (2,3), (1,1), 'VALID')
        M.padtype_to_pads((8,9), (2,4), (1,1), 'SAME_LOWER') | M.padtype_to_pads((7,), (5,), (9,), 'SAME')
        M.padtype_to_pads((), (), (), 'VALID')
        M.padtype_to_pads((0,3), (2,2), (1,1), 'SAME') | M.padtype_to_pads((3,), (2,), (1,), 'OTHER')
        M.padtype_to_pads((3,), (2,), (1,), 3)
        M.padtype_to_pads((3,4,5), (2,2,2), (2,2,2), 'SAME') | M.padtype_to_pads([3], [1], [1], 'valid')
    """),
    "reduce_window": _cases("""
        M.reduce_window(A((4,5)), 0., M.add, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5)), -inf, M.max, (2,2), (2,2), 'VALID')
        M.reduce_window(A((4,5)), inf, M.min, (2,2), None, 'SAME_LOWER')
        M.reduce_window(A((4,5)), 1., M.mul, (2,2), (1,1), [(1,0),(0,1)])
        M.reduce_window(A((4,5)), 2., M.add, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5)), 0.5, M.max, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5)), 2., M.mul, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5)), 0., M.add, (2,2), (1,1), 'VALID', (1,2), (2,1))
        M.reduce_window(A((4,5)), -inf, M.max, (2,2), (1,1), [(0,1),(2,2)], (2,2), (1,3))
        M.reduce_window(A((4,5)), 0., M.add, (2,2), (1,1), [(-1,0),(2,-2)])
        M.reduce_window(A((4,5),'i'), 0, M.add, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5),'i'), np.int32(-2**31), M.max, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5),'u'), np.uint8(0), M.max, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5),'u'), np.uint8(0), M.add, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5),'w'), np.uint32(2**32-1), M.min, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5),'h'), np.float16(0), M.add, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5),'g'), M.convert_element_type(-inf, J.bfloat16), M.max, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5),'c'), np.complex64(0), M.add, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5),'b'), False, M.bitwise_or, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5),'b'), True, M.bitwise_and, (2,1), (1,2), 'VALID')
        M.reduce_window(A((4,5),'i'), 0, M.bitwise_xor, (2,3), (1,2), 'SAME')
        M.reduce_window(A((4,5)), -inf, lambda a, b: J.logaddexp(a, b), (2,3), (1,2), 'SAME')
        M.reduce_window((A((4,5)), A((4,5),'i')), (0., 1), lambda a, b: (a[0]+b[0], a[1]*b[1]), (2,3), (1,2), 'SAME')
        M.reduce_window({'a': A(4), 'b': A(4,'f',1)}, {'a': 0., 'b': 1.}, lambda x, y: {'a': x['a']+y['a'], 'b': x['b']*y['b']}, (2,))
        M.reduce_window(A((20,9)), 0., lambda a, b: a + b, (9,9), (2,1), 'SAME')
        M.reduce_window(A((0,5)), 0., M.add, (1,2)) | M.reduce_window(A((2,5)), 0., M.add, (3,2))
        M.reduce_window(A(()), 0., M.add, ()) | M.reduce_window(A((4,5)), 0., M.add, (2,))
        M.reduce_window(A((4,5)), 0, M.add, (2,0)) | M.reduce_window(A((4,5)), A(2), M.add, (2,2))
        M.reduce_window(A((4,5)), np.int32(0), M.add, (2,2)) | M.reduce_window((A((4,5)),), 0., M.add, (2,2))
        M.reduce_window(A((4,5)), 0., M.add, (2,2), (1,1), 'OTHER')
        M.reduce_window(J.array([[1.,nan,2.],[0.,1.,-1.]]), -inf, M.max, (1,2))
        M.reduce_window(J.array([[1.,nan,2.],[0.,1.,inf]]), 0., M.add, (2,2))
        M.reduce_window(A((3,4,5)), 0., M.add, (2,2,2), (1,2,1), 'SAME')
        M.reduce_window(A((4,5)), 0, M.add, (2,2), window_dilation=(1,2))
    """),
    "reduce_window_shape_tuple": _cases("""
        M.reduce_window_shape_tuple((4,5), (2,3), (1,2), [(0,0),(1,1)])
        M.reduce_window_shape_tuple((4,5), (2,3), (1,2), [(0,0),(1,1)], (2,2), (2,1))
        M.reduce_window_shape_tuple((4,5), (2,3), (1,1), [(-1,0),(1,-1)])
        M.reduce_window_shape_tuple((), (), (), []) | M.reduce_window_shape_tuple((4,), (9,), (1,), [(0,0)])
        M.reduce_window_shape_tuple((0,), (2,), (1,), [(0,0)])
        M.reduce_window_shape_tuple((0,), (2,), (1,), [(2,2)], (3,))
        M.reduce_window_shape_tuple((7,), (2,), (3,), [(0,0)], None, (3,))
        M.reduce_window_shape_tuple([4,5], [1,1], [2,2], [(0,0),(0,0)])
        M.reduce_window_shape_tuple((3,4,5), (2,2,2), (1,1,1), ((0,1),(1,0),(0,0)))
    """),
    "reduce_precision": _cases("""
        M.reduce_precision(A((2,3)), 5, 10) | M.reduce_precision(A((2,3)), 8, 7)
        M.reduce_precision(A(20)*1e5, 5, 2) | M.reduce_precision(A(20)*1e-6, 5, 2)
        M.reduce_precision(A(9,'h'), 5, 2) | M.reduce_precision(A(9,'g'), 4, 3)
        M.reduce_precision(J.array([0.,-0.,inf,-inf,nan]), 4, 3) | M.reduce_precision(1.2345, 8, 4)
        M.reduce_precision(A(0), 5, 10) | M.reduce_precision(A(()), 2, 1) | M.reduce_precision(A(5), 1, 0)
        M.reduce_precision(A(5), 11, 52) | M.reduce_precision(A(3,'i'), 5, 2)
        M.reduce_precision(A(3), 0, 2) | M.reduce_precision(A(3), 5, -1) | M.reduce_precision(A(3), 5.5, 1)
    """),
}  # fmt: skip

EXCEPTIONS = {
    "M.reduce_window(A((4,5)), inf, M.min, (2,2), None, 'SAME_LOWER')":
        "JAX 0.10 fails on named padding without strides; None stands for strides of 1",
}  # fmt: skip
GRAD = {
    "conv": "lambda x: M.conv(x.reshape(1,1,2,3), x.reshape(1,1,2,3), (1,1), 'SAME')",
    "conv_transpose": "lambda x: M.conv_transpose(x.reshape(1,2,3), x.reshape(2,3,1), (2,), 'SAME')",
    "reduce_window": "lambda x: M.reduce_window(x, -inf, M.max, (2,2), (1,1), 'SAME') ** 2 "
                     "+ M.reduce_window(x, 0., M.add, (2,2), (1,1), 'SAME') ** 2",
}  # fmt: skip
X64 = [
    "M.conv(A((2,3,5,6),'d'), A((4,3,2,3),'d',1), (1,1), 'SAME')",
    "M.conv(A((2,3,5),'z'), A((4,3,2),'z',1), (1,), 'SAME')",
    "M.conv(A((2,3,5),'l'), A((4,3,2),'l',1), (1,), 'SAME')",
    "M.reduce_window(A((4,5),'d'), 0., M.add, (2,3), (1,2), 'SAME')",
    "M.reduce_window(A((4,5),'l'), 0, M.add, (2,3), (1,2), 'SAME')", "M.reduce_precision(A(9,'d'), 8, 23)",
]  # fmt: skip
