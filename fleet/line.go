package fleet

// A line is attempts that wait, the first first. It has blocks, which are given up as
// their attempts start: after a power failure a million may wait.
type line struct {
	blocks [][]queued
	head   int // of the first block: the attempt that has waited longest
	count  int
}

// lineBlock is how many attempts are in a block.
const lineBlock = 512

func (l *line) push(q queued) {
	last := len(l.blocks) - 1
	if last < 0 || len(l.blocks[last]) == lineBlock {
		l.blocks = append(l.blocks, make([]queued, 0, min(max(l.count, 4), lineBlock)))
		last++
	}
	l.blocks[last] = append(l.blocks[last], q)
	l.count++
}

// first returns the attempt that has waited longest. There is one.
func (l *line) first() *queued { return &l.blocks[0][l.head] }

// pop takes the attempt that has waited longest. There is one.
func (l *line) pop() queued {
	q := *l.first()
	*l.first() = queued{}
	l.head++
	l.count--
	switch {
	case l.head < len(l.blocks[0]):
	case len(l.blocks) == 1:
		l.blocks[0], l.head = l.blocks[0][:0], 0
	default:
		l.blocks[0] = nil
		l.blocks, l.head = l.blocks[1:], 0
	}
	return q
}

// all goes through the attempts in their order.
func (l *line) all(yield func(*queued) bool) {
	head := l.head
	for _, b := range l.blocks {
		for i := range b[head:] {
			if !yield(&b[head+i]) {
				return
			}
		}
		head = 0
	}
}
