package probe

var sipExperiments = []*experiment{}
