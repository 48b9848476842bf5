// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import "strconv"

func (p *planner) stash() spot {
	p.stashed++
	return spot{theStash, strconv.Itoa(p.stashed)}
}

// aside is where something of the human's goes, on its own file system.
func (p *planner) aside() spot { return p.near(p.stash()) }

// near is the same name on the folder's file system.
func (p *planner) near(at spot) spot {
	if p.apart {
		at.In = theStaging
	}
	return at
}

// bring returns from where something of the draft goes into the folder: across file systems it is a copy.
func (p *planner) bring(from spot, was vintage, alone bool) spot {
	if !p.apart {
		return from
	}
	at := p.aside()
	p.copies = append(p.copies, copied{From: from, To: at.Path, Was: was, Alone: alone})
	return at
}

// put takes a file over, from a name in the draft to one in the folder, where nothing is.
func (p *planner) put(drafted, name string, it item, copying bool) error {
	from, is := spot{theUpper, drafted}, vintageOf(it.st)
	put := op{Act: move, To: spot{theFolder, name}, Is: is, Copy: copying}
	if copying {
		var attrs map[string]string
		err := p.upper.withFile(drafted, func() (err error) { attrs, err = p.upper.attributes(drafted); return err })
		if err != nil {
			return err
		}
		put.Meta = metaOf(it.st, attrs)
	}
	if copying && !p.apart {
		put.From = p.stash()
		p.emit(op{Act: fill, From: from, To: put.From, Ino: it.st.Ino, Is: is})
		p.emit(put)
		return nil
	}
	put.From, put.Ino = p.bring(from, is, copying), it.st.Ino
	p.emit(put)
	if p.apart && !copying {
		p.clearUpper(name, it)
	}
	return nil
}

// clearUpper takes a name out of a draft that goes on.
func (p *planner) clearUpper(name string, it item) {
	if !p.whole {
		p.emit(op{Act: move, From: spot{theUpper, name}, To: p.stash(), Ino: it.st.Ino})
	}
}
